"""Over how far the task's data lie from the general ones: what is planned, and what would be best.

Fig. 6 says that the more the data differ, the less pre-training should take and the more
fine-tuning.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import baselines
from edgegym.results.statistics import interval95
from edgegym.studies.calibration.constants import stage_distance
from edgegym.studies.study import Figures, Finding, Points, Study
from edgegym.studies.two_stage.open_values import NO_LIMIT
from edgegym.studies.two_stage.planning import stage_totals
from edgegym.studies.two_stage.shift_pictures import plot_shifts
from edgegym.studies.two_stage.trained import Trial, train
from edgegym.systems.two_stage.bound import plan_bound
from edgegym.systems.two_stage.scenario import Scenario

#: How stages are moved apart, by scenario key: the task's images are turned, or the server has
#: fewer samples of half the labels.
SHIFTS = {
    "learning.finetune_rotation_deg": (0.0, 15.0, 30.0, 45.0, 60.0, 90.0),
    "learning.missing_label_share": (0.0, 0.5, 1.0),
}
#: Round limits of pre-training, in the scenario's own: the joint plans along the budgets' frontier.
LIMITS = (0.25, 0.5, 1.0, 2.0, 4.0)
ROTATION = "finetune_rotation_deg"
QUICK = {key: (values[0], values[-1]) for key, values in SHIFTS.items()}
QUICK_LIMITS = (1.0,)
#: The joint plan of the scenario itself, that without a limit, and no pre-training at all.
OWN, FREE, NO_PRETRAINING = "M^max x 1", "no M^max", "finetune-only"


class Shifted(NamedTuple):
    """A scenario whose task has been moved, with the distance that was measured."""

    key: str
    value: float
    scenario: Scenario

    @property
    def kind(self) -> str:
        """What is moved, without the table that it stands in."""
        return self.key.removeprefix("learning.")

    @property
    def name(self) -> str:
        """Name its files."""
        return f"{self.kind}-{self.value:g}"


class Split(NamedTuple):
    """A plan on the budgets' frontier, under some limit on pre-training."""

    at: Shifted
    name: str
    trial: Trial

    @property
    def key(self) -> str:
        """Name its trainings."""
        return f"{self.at.name} {self.name}"


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Measure the distance, plan with it, and train the plans along the budgets' frontier."""
    scenario, quick = study.read_scenario(), study.options["quick"]
    shifts = _move(points, scenario, QUICK if quick else SHIFTS, data_dir)
    splits = [split for at in shifts for split in _frontier(at, QUICK_LIMITS if quick else LIMITS)]
    trials = {split.key: split.trial for split in splits}
    trained = train(points, trials, study.options["seeds"], data_dir)
    plans = pd.DataFrame([_row(split, trained[trained["trial"] == split.key]) for split in splits])
    summary = summarise_shifts(plans, trained)
    return Finding(
        {"plans": plans, "trained": trained, "summary": summary},
        {"shift": plot_shifts(plans, summary, f"Scenario {scenario.name}")},
        "summary",
        in_words(summary),
    )


def _move(
    points: Points,
    scenario: Scenario,
    shifts: Mapping[str, Sequence[float]],
    data_dir: str | None,
) -> list[Shifted]:
    """Move the task in each way alone, and put W(P̂,P) as it is measured into the scenarios."""
    still = scenario.replace(**dict.fromkeys(shifts, 0.0))
    moved = [
        Shifted(key, value, still.replace(**{key: value}))
        for key, values in shifts.items()
        for value in values
    ]
    calls = {at.name: partial(_measure, at.scenario, data_dir) for at in moved}
    distances = points("distances", calls)
    return [at._replace(scenario=at.scenario.replace(**distances[at.name])) for at in moved]


def _measure(scenario: Scenario, data_dir: str | None) -> Figures:
    return {"distribution_distance": stage_distance(scenario, data_dir=data_dir)}


def _frontier(at: Shifted, limits: Sequence[float]) -> Iterator[Split]:
    """Plan under other limits on pre-training: from none of it to as much as the bound wants.

    Every plan is the best of the bound for its split, and all have the same budgets.
    """
    scenario = at.scenario
    wanted = {NO_PRETRAINING: (NO_PRETRAINING, scenario.max_pretrain_rounds)} | {
        f"M^max x {share:g}": ("joint", max(round(share * scenario.max_pretrain_rounds), 1))
        for share in limits
    }
    for name, (scheme, most) in (wanted | {FREE: ("joint", NO_LIMIT)}).items():
        there = scenario.replace(max_pretrain_rounds=most)
        if (plan := baselines.plan(there, scheme).plan) is not None:
            yield Split(at, name, Trial(there, plan))


def _row(split: Split, trained: pd.DataFrame) -> dict[str, Any]:
    """Say what a plan spends on pre-training, and how its training ends, over its seeds."""
    (there, plan), spent = split.trial, stage_totals(split.trial.plan, split.trial.scenario)
    delay_s, energy_j = (
        np.array([spent[f"{stage}_{what}"] for stage in ("pretrain", "finetune")])
        for what in ("delay_s", "energy_j")
    )
    return {
        "shift": split.at.kind,
        "value": split.at.value,
        "distance": split.at.scenario.distribution_distance,
        "plan": split.name,
        "rounds": split.trial.rounds,
        "delay_share": delay_s[0] / delay_s.sum(),
        "energy_share": energy_j[0] / energy_j.sum(),
        "bound": plan_bound(there, plan),
        "test_loss": trained["test_loss"].mean(),
        "interval": interval95(trained["test_loss"]),
        "test_accuracy": trained["test_accuracy"].astype(float).mean(),
    }


def summarise_shifts(plans: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """Put the plan of the scenario, that without a limit, and the best one side by side.

    Parameters
    ----------
    plans : of `settle`, a row per shift and plan
    trained : a row per trial and seed

    Returns
    -------
    A row per shift: the measured distance; of each of the three its rounds, the share of the delay
    that pre-training takes, and its loss; and by how much the scenario's own plan ends above the
    best, paired over seeds, with half its 95 % interval
    """
    losses = trained.pivot(index="seed", columns="trial", values="test_loss")
    rows = []
    for (shift, value), group in plans.groupby(["shift", "value"], sort=False):
        by_plan = group.set_index("plan")
        row = {"shift": shift, "value": value, "distance": group["distance"].iloc[0]}
        best = str(by_plan["test_loss"].astype(float).idxmin())
        for who, name in (("own", OWN), ("free", FREE), ("best", best)):
            for column in ("rounds", "delay_share", "test_loss"):
                row[f"{who}_{column}"] = by_plan[column].get(name)
        own_loss, best_loss = (losses[f"{shift}-{value:g} {name}"] for name in (OWN, best))
        behind = own_loss - best_loss
        rows.append(row | {"behind": behind.mean(), "interval": interval95(behind)})
    return pd.DataFrame(rows)


def in_words(summary: pd.DataFrame) -> str:
    """Say where Fig. 6's trend holds, and what real training would have."""
    turned = summary[summary["shift"] == ROTATION]
    first, last = turned.iloc[0], turned.iloc[-1]
    falls = last["own_delay_share"] < first["own_delay_share"]
    wanted = last["best_delay_share"] < first["best_delay_share"]
    settled = int((summary["behind"] > summary["interval"]).sum())
    return (
        f"With the scenario's M^max the trend of Fig. 6 {'holds' if falls else 'does not hold'}: "
        f"as the task's images are turned to {last['value']:g}° the measured W goes from "
        f"{first['distance']:.1f} to {last['distance']:.1f}, and the plan's pre-training from "
        f"{first['own_delay_share']:.1%} to {last['own_delay_share']:.1%} of the delay; real "
        f"training {'agrees' if wanted else 'does not agree'}, its best split goes from "
        f"{first['best_delay_share']:.1%} to {last['best_delay_share']:.1%}. Without M^max the "
        f"plan pre-trains for {first['free_delay_share']:.1%} and "
        f"{last['free_delay_share']:.1%} of the delay and ends at test losses of "
        f"{first['free_test_loss']:.2f} and {last['free_test_loss']:.2f}, where the best split has "
        f"{first['best_test_loss']:.2f} and {last['best_test_loss']:.2f}. Of {len(summary)} shifts "
        f"the scenario's own plan is behind the best split beyond the seeds at {settled}."
    )
