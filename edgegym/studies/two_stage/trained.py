"""Plans trained for real in a study: every plan with every seed, plans that train alike once."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import pandas as pd

from edgegym.runs.play import play_plan
from edgegym.studies.study import Figures, Points
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: What is kept of an episode; nothing of the losses where training diverged.
KEPT = ("test_loss", "test_accuracy", "n_pretrain_rounds", "n_finetune_rounds")


class Trial(NamedTuple):
    """A plan and the scenario that it is trained in."""

    scenario: Scenario
    plan: Plan

    @property
    def rounds(self) -> str:
        """Write the plan's rounds, M + N."""
        return f"{self.plan.n_pretrain_rounds} + {self.plan.n_finetune_rounds}"

    @property
    def digest(self) -> str:
        """Name what is trained: data, network, learning rate, and the batches of every round."""
        s = self.scenario
        told = {
            "learning": s.learning.model_dump(mode="json"),
            "learning_rate": s.learning_rate,
            "federation": s.federation.model_dump(mode="json"),
            "pretrain": self.plan.pretrain_batch_size.tolist(),
            "finetune": self.plan.finetune_batch_size.tolist(),
        }
        if s.channel_mode != "fixed" or s.straggler_probability:
            # What is drawn decides how many rounds fit, so that all else matters too.
            told |= {"scenario": s.model_dump(mode="json"), "plan": self.plan.to_json()}
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def train(
    points: Points, trials: Mapping[str, Trial], n_seeds: int, data_dir: str | None
) -> pd.DataFrame:
    """Train every plan with seeds 0, 1, ...

    Parameters
    ----------
    points : computes the trainings
    trials : by name
    n_seeds : of each
    data_dir : where the data sets lie

    Returns
    -------
    A row per trial and seed: trial, seed and the figures at the end
    """
    keys = {
        (name, seed): f"{trial.digest}-seed{seed}"
        for name, trial in trials.items()
        for seed in range(n_seeds)
    }
    calls = {
        keys[name, seed]: partial(_train, *trials[name], seed, data_dir) for name, seed in keys
    }
    trained = points("trainings", calls)
    rows = [{"trial": name, "seed": seed} | trained[key] for (name, seed), key in keys.items()]
    return pd.DataFrame(rows, columns=["trial", "seed", *KEPT]).astype({"test_loss": float})


def _train(scenario: Scenario, plan: Plan, seed: int, data_dir: str | None) -> Figures:
    final = play_plan(scenario, plan, seed, data_dir=data_dir).final
    return {key: final[key] for key in KEPT}
