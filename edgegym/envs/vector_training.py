"""The learners of many copies at fidelity `train`: real networks, trained at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.envs.vector_ledger import VectorLedger
from edgegym.systems.two_stage.decision import Decisions, Stage

#: Kinds of device on which networks are trained stacked. On a CPU one after another is faster but
#: for tiny batches (`edgegym bench vector`), so only the tests train stacked there: they set this.
STACKING_DEVICES = {"cuda"}


def trains_stacked(device: str) -> bool:
    """Tell whether many networks are trained at once on a device, "auto" included."""
    from edgegym.learning.learner import find_device  # torch, which only training needs

    return find_device(device).type in STACKING_DEVICES


class VectorTraining:
    """Losses of C copies, when their validation sets are looked at, and whose training diverged.

    The sibling of `VectorLearning`. What a diverged copy has reached counts as its first
    validation.
    """

    is_random = True

    def __init__(self, single: TwoStageEdgeEnv, num_envs: int) -> None:
        import torch

        from edgegym.learning.stacked import StackedLearner

        if single.torch_threads is not None:
            torch.set_num_threads(single.torch_threads)
        self.scenario = single.scenario
        self.learner = StackedLearner(single.scenario, num_envs, single.device, single.data_dir)
        self.loss = np.full(num_envs, single.scenario.initial_loss_gap)
        self.validation_loss, self.validation_accuracy = self.loss, np.zeros(num_envs)
        self._first_validation = np.zeros((2, num_envs))
        self._rounds_unseen = np.zeros(num_envs, dtype=int)
        self.diverged = np.zeros(num_envs, dtype=bool)

    def begin(self, copies: NDArray[np.bool_], seeds: Sequence[int]) -> None:
        """Begin with untrained networks in some copies."""
        self.learner.begin(np.flatnonzero(copies).tolist(), seeds)
        self.diverged = self.diverged & ~copies
        self._look(copies)
        first = np.stack([self.validation_loss, self.validation_accuracy])
        self._first_validation = np.where(copies, first, self._first_validation)
        self.loss = np.where(copies, self.validation_loss, self.loss)

    def train(self, decisions: Decisions, ledger: VectorLedger, running: NDArray[np.bool_]) -> None:
        """Run the round just booked in the running copies; their loss is that before its step."""
        from edgegym.learning.stacked import StackedRound

        finetuning, round_index = ledger.stage == Stage.FINETUNE.value, ledger.round - 1
        rounds = [
            StackedRound(
                copy,
                finetuning=bool(finetuning[copy]),
                round_index=int(round_index[copy]),
                batch_sizes=decisions.batch_size[copy]
                if finetuning[copy]
                else decisions.server_batch_size[[copy]],
            )
            for copy in np.flatnonzero(running).tolist()
        ]
        losses = self.learner.train(rounds)
        self.loss = self.loss.copy()
        self.loss[list(losses)] = list(losses.values())
        self.diverged = self.diverged | (running & ~np.isfinite(self.loss))
        self._rounds_unseen = self._rounds_unseen + running

    def look_at_validation(self, ended: NDArray[np.bool_]) -> None:
        """Look where it is due, and where an episode ended with rounds unseen."""
        due = self._rounds_unseen >= self.scenario.learning.validation_interval
        looking = ~self.diverged & (due | (ended & (self._rounds_unseen > 0)))
        if looking.any():
            self._look(looking)
            self.diverged = self.diverged | ~np.isfinite(self.validation_loss)
        loss, accuracy = self._first_validation
        self.validation_loss = np.where(self.diverged, loss, self.validation_loss)
        self.validation_accuracy = np.where(self.diverged, accuracy, self.validation_accuracy)
        self.loss = np.where(self.diverged, loss, self.loss)

    def _look(self, copies: NDArray[np.bool_]) -> None:
        seen = np.stack([self.validation_loss, self.validation_accuracy])
        seen[:, copies] = self.learner.validation(np.flatnonzero(copies).tolist())
        self.validation_loss, self.validation_accuracy = seen
        self._rounds_unseen = np.where(copies, 0, self._rounds_unseen)
