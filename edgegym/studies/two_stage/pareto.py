"""What delay and energy buy: the bound and trained accuracy over both budgets, by scheme."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import baselines
from edgegym.results.leads import FAILS, HOLDS, lead_over
from edgegym.studies.study import Figures, Finding, Points, Study
from edgegym.studies.two_stage.pareto_pictures import plot_surface
from edgegym.studies.two_stage.trained import Trial, train
from edgegym.studies.two_stage.worth import JOINT
from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

#: Shares of the scenario's budgets at which all schemes are trained, and those of a quick look.
TRAINED, QUICK = (0.5, 1.0, 2.0), (0.5, 1.0)
#: How finely the bound is planned between a quarter and four times the budgets, evenly by
#: logarithm, and of a quick look.
LEVELS, QUICK_LEVELS = 17, 3
WIDEST = 4.0


class Bought(NamedTuple):
    """A scheme's plan within budgets, by their shares of the scenario's."""

    scheme: str
    delay_share: float
    energy_share: float
    trial: Trial

    @property
    def key(self) -> str:
        """Name its trainings."""
        return f"{self.scheme} {self.delay_share:g} {self.energy_share:g}"


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Plan the surface of the bound, train on a coarse grid, and find each scheme's front."""
    scenario, quick = study.read_scenario(), study.options["quick"]
    surface = _surface(points, scenario, QUICK_LEVELS if quick else LEVELS)
    bought = [*_buy(scenario, QUICK if quick else TRAINED)]
    trials = {one.key: one.trial for one in bought}
    trained = train(points, trials, study.options["seeds"], data_dir)
    trained["scheme"] = [key.split(" ")[0] for key in trained["trial"]]
    trained["budgets"] = [key.split(" ", 1)[1] for key in trained["trial"]]
    plans = pd.DataFrame([_row(one, trained[trained["trial"] == one.key]) for one in bought])
    plans["on_front"] = on_front(plans)
    for _, group in plans.groupby("scheme"):
        plans.loc[group.index, "on_own_front"] = on_front(group)
    fronts = summarise_fronts(plans)
    return Finding(
        {"surface": surface, "trained": trained, "plans": plans, "fronts": fronts},
        {"surface": plot_surface(surface, plans, scenario, f"Scenario {scenario.name}")},
        "fronts",
        in_words(fronts, trained, bound_name(scenario)),
    )


def _surface(points: Points, scenario: Scenario, levels: int) -> pd.DataFrame:
    """Plan every scheme's bound over both budgets.

    Returns
    -------
    A row per scheme and pair of budgets; infinite where nothing fits
    """
    shares = np.geomspace(1 / WIDEST, WIDEST, levels).tolist()
    calls = {
        f"{i:02d}": partial(_bounds, scenario, share, shares) for i, share in enumerate(shares)
    }
    figures = points("surface", calls).values()
    return pd.DataFrame([row for rows in figures for row in rows["rows"]])


def _bounds(scenario: Scenario, delay_share: float, energy_shares: list[float]) -> Figures:
    rows = []
    for share, scheme in product(energy_shares, baselines.SCHEMES):
        there = _within(scenario, delay_share, share)
        bound = baselines.plan(there, scheme).gradient_norm_bound
        budgets = {"delay_s": there.delay_budget_s, "energy_j": there.energy_budget_j}
        rows.append({"scheme": scheme, **budgets, "bound": bound})
    return {"rows": rows}


def _within(scenario: Scenario, delay_share: float, energy_share: float) -> Scenario:
    return scenario.replace(
        delay_budget_s=delay_share * scenario.delay_budget_s,
        energy_budget_j=energy_share * scenario.energy_budget_j,
    )


def _buy(scenario: Scenario, shares: tuple[float, ...]) -> Iterator[Bought]:
    """Plan every scheme within every pair of budgets, where one fits."""
    for delay_share, energy_share, scheme in product(shares, shares, baselines.SCHEMES):
        there = _within(scenario, delay_share, energy_share)
        if (found := baselines.plan(there, scheme).plan) is not None:
            yield Bought(scheme, delay_share, energy_share, Trial(there, found))


def _row(one: Bought, trained: pd.DataFrame) -> dict[str, Any]:
    there, plan = one.trial
    outcome = evaluate(plan, there)
    return {
        "scheme": one.scheme,
        "delay_budget_s": there.delay_budget_s,
        "energy_budget_j": there.energy_budget_j,
        "rounds": one.trial.rounds,
        "delay_s": outcome.total_delay_s,
        "energy_j": outcome.total_energy_j,
        "bound": outcome.gradient_norm_bound,
        "test_accuracy": trained["test_accuracy"].astype(float).mean(),
        "test_loss": trained["test_loss"].mean(),
    }


def on_front(plans: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which plans no other one is at least as good as in delay, energy and accuracy.

    Examples
    --------
    The second spends more than the first for less:

    >>> on_front(pd.DataFrame({"delay_s": [1, 2, 3], "energy_j": [1, 2, 1],
    ...                        "test_accuracy": [0.5, 0.4, 0.9]})).tolist()
    [True, False, True]
    """
    # What diverged is accurate at nothing.
    wrong = 1 - plans["test_accuracy"].astype(float).fillna(0.0)
    paid = plans[["delay_s", "energy_j"]].assign(wrong=wrong).to_numpy(dtype=float)
    no_worse = np.all(paid[:, np.newaxis] <= paid, axis=2)
    better = np.any(paid[:, np.newaxis] < paid, axis=2)
    return np.asarray(~np.any(no_worse & better, axis=0))


def summarise_fronts(plans: pd.DataFrame) -> pd.DataFrame:
    """Count at how many budgets each scheme is best, and its points on the fronts.

    Returns
    -------
    A row per scheme: budgets where it fits; where it has the least bound, and the highest mean
    accuracy; its plans on the common front and on its own; and by how much the joint design is
    more accurate on average
    """
    budgets = plans.groupby(["delay_budget_s", "energy_budget_j"], sort=False)
    least = plans.loc[budgets["bound"].idxmin(), "scheme"].value_counts()
    most = plans.loc[budgets["test_accuracy"].idxmax(), "scheme"].value_counts()
    table = plans.pivot(
        index=["delay_budget_s", "energy_budget_j"], columns="scheme", values="test_accuracy"
    )
    rows = []
    for scheme, group in plans.groupby("scheme", sort=False):
        behind = (table[JOINT] - table[scheme]).mean() if JOINT in table else np.nan
        rows.append(
            {
                "scheme": scheme,
                "budgets": len(group),
                "least_bound": int(least.get(scheme, 0)),
                "most_accurate": int(most.get(scheme, 0)),
                "on_front": int(group["on_front"].sum()),
                "on_own_front": int(group["on_own_front"].sum()),
                "joint_ahead": behind,
            }
        )
    return pd.DataFrame(rows)


def in_words(fronts: pd.DataFrame, trained: pd.DataFrame, bound: str) -> str:
    """Say how much of the surface is the joint design's."""
    by_scheme = fronts.set_index("scheme").to_dict("index")
    if JOINT not in by_scheme:
        return "The joint design fits within none of the budgets."
    joint, n_front = by_scheme[JOINT], int(fronts["on_front"].sum())
    leads = [lead_over(rows, "test_accuracy") for _, rows in trained.groupby("budgets")]
    ahead, behind = (
        sum(lead.verdict == verdict for lead in leads if lead) for verdict in (HOLDS, FAILS)
    )
    rivals = fronts[fronts["scheme"] != JOINT].sort_values("joint_ahead")
    nearest = (
        f"{rivals['scheme'].iloc[0]} ({rivals['joint_ahead'].iloc[0]:+.3f})"
        if len(rivals)
        else "none"
    )
    return (
        f"The joint design has the least {bound} at {joint['least_bound']} of {joint['budgets']} "
        f"pairs of budgets. In real training it is the most accurate on average at "
        f"{joint['most_accurate']}, beyond the seeds ahead of its best rival at {ahead} and "
        f"behind at {behind}; {joint['on_front']} of the {n_front} plans on the "
        f"accuracy-delay-energy front are its own. Nearest to it on average comes {nearest}."
    )
