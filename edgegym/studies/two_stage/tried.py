"""Places among the values that the paper leaves open, tried under real training."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

import baselines
from edgegym.results.leads import lead_over
from edgegym.studies.study import Points
from edgegym.studies.two_stage.open_values import open_values, place
from edgegym.studies.two_stage.trained import Trial, train
from edgegym.studies.two_stage.worth import JOINT, SINGLE
from edgegym.systems.two_stage.scenario import Scenario

#: Places are tried where no plan has more rounds, as some have hundreds of thousands.
MOST_ROUNDS = 2500


class Place(NamedTuple):
    """A place, what is planned there and what the bound says of it."""

    limited: bool
    gain: float
    trials: dict[str, Trial]  # by scheme


def try_places(
    points: Points,
    scenario: Scenario,
    planned: Mapping[str, pd.DataFrame],
    n: int,
    n_seeds: int,
    data_dir: str | None,
) -> pd.DataFrame:
    """Train all three plans of typical and extreme places.

    Parameters
    ----------
    points : computes the trainings
    scenario : ours
    planned : the draws without round limits and with, "unlimited" and "limited"
    n : places, evenly by the rank of their gain, a third of them without round limits
    n_seeds : of each plan
    data_dir : where the data sets lie

    Returns
    -------
    A row per place: what the bound says and what real training gave, `ahead` where the joint plan
    ends with a lower test loss than the better single stage
    """
    places = [
        *_choose(scenario, planned["unlimited"], n // 3, limited=False),
        *_choose(scenario, planned["limited"], n - n // 3, limited=True),
    ]
    keys = {
        f"{number} {scheme}": (number, scheme, trial)
        for number, chosen in enumerate(places)
        for scheme, trial in chosen.trials.items()
    }
    trials = {key: trial for key, (_, _, trial) in keys.items()}
    trained = train(points, trials, n_seeds, data_dir)
    trained["place"] = [keys[key][0] for key in trained["trial"]]
    trained["scheme"] = [keys[key][1] for key in trained["trial"]]
    columns = ["limited", "gain", "joint_plan", *(JOINT, *SINGLE), "rival", "ahead", "interval"]
    rows = [
        _row(chosen, trained[trained["place"] == number]) for number, chosen in enumerate(places)
    ]
    return pd.DataFrame(rows, columns=[*columns, "verdict"])


def _choose(scenario: Scenario, table: pd.DataFrame, n: int, *, limited: bool) -> Iterator[Place]:
    """Plan in full what is evenly spaced by its rank, among what is fit to be trained."""
    keys = [key for key in open_values(scenario) if key in table]
    few = table[["n_pretrain_rounds", "n_finetune_rounds"]].sum(axis="columns") <= MOST_ROUNDS
    fits = np.isfinite(table[[*SINGLE]].to_numpy()).all(axis=1)
    candidates = table[few & fits].sort_values("gain", ignore_index=True)
    ranks = np.rint(np.linspace(0, max(len(candidates) - 1, 0), n)).astype(int)
    for row in candidates.iloc[ranks if len(candidates) else []].to_dict("records"):
        there = place(scenario, {key: row[key] for key in keys}, limited=limited)
        plans = {scheme: baselines.plan(there, scheme).plan for scheme in (JOINT, *SINGLE)}
        if all(plans.values()):
            trials = {scheme: Trial(there, plan) for scheme, plan in plans.items()}
            yield Place(limited, row["gain"], trials)


def _row(chosen: Place, trained: pd.DataFrame) -> dict[str, object]:
    lead = lead_over(trained, "test_loss")
    losses = trained.groupby("scheme")["test_loss"].mean()
    return {
        "limited": chosen.limited,
        "gain": chosen.gain,
        "joint_plan": chosen.trials[JOINT].rounds,
        **{str(scheme): loss for scheme, loss in losses.items()},
        **(vars(lead) | {"verdict": lead.verdict} if lead else {}),
    }
