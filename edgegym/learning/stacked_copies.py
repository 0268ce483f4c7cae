"""Many networks trained at once, as the lifecycle asks for them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgegym.learning.stacked import StackedLearner, StackedRound
from edgegym.physics import Array
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.scenario import Scenario


class StackedCopies:
    """The networks of C copies in one `StackedLearner`."""

    def __init__(
        self, scenario: Scenario, n_copies: int, device: str, data_dir: str | Path | None
    ) -> None:
        self.interval = scenario.learning.validation_interval
        self.learner = StackedLearner(scenario, n_copies, device, data_dir)
        self.begin, self.validate = self.learner.begin, self.learner.validation

    def train(
        self,
        stage: NDArray[np.int_],
        round_index: NDArray[np.int_],
        decision: Decision,
        running: NDArray[np.bool_],
    ) -> Array:
        """Run a round in the running copies; their losses before the step."""
        finetuning = stage == Stage.FINETUNE.value
        rounds = [
            StackedRound(
                copy,
                finetuning=bool(finetuning[copy]),
                round_index=int(round_index[copy]),
                batch_sizes=decision.finetune_batch_size[copy]
                if finetuning[copy]
                else decision.server_batch_size[[copy]],
            )
            for copy in np.flatnonzero(running).tolist()
        ]
        found, losses = self.learner.train(rounds), np.zeros(running.size)
        losses[list(found)] = list(found.values())
        return losses

    def report(self, copy: int) -> dict[str, float]:
        """Report nothing: networks are looked at one by one, in `Learner`."""
        return {}

    def snapshot(self) -> dict[str, Any]:
        """Copy the stacked parameters."""
        stacked = {name: value.clone() for name, value in self.learner.parameters.items()}
        return {"seeds": list(self.learner.seeds), "parameters": stacked}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        self.learner.seeds = list(snapshot["seeds"])
        for name, value in snapshot["parameters"].items():
            self.learner.parameters[name].copy_(value)
