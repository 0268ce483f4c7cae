"""The learners of many copies: the emulator's losses, or none where nothing is trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgegym.envs.emulated import RecordingsWatch, luck
from edgegym.envs.vector_ledger import VectorLedger
from edgegym.physics import Array
from edgegym.systems.two_stage.decision import Decisions, Stage
from edgegym.systems.two_stage.emulator import Emulated, Emulator
from edgegym.systems.two_stage.scenario import Scenario


class VectorLearning:
    """Losses of C copies, and when their validation sets are looked at.

    Without an emulator, at fidelity `bound`, all stays at the initial gap.
    """

    def __init__(self, scenario: Scenario, num_envs: int, emulator: Emulator | None) -> None:
        self.scenario, self.emulator = scenario, emulator
        self._recordings = None if emulator is None else RecordingsWatch(emulator)
        self.is_random = emulator is not None
        self.diverged = np.zeros(num_envs, dtype=bool)  # what is fitted stays finite
        self.loss = np.full(num_envs, scenario.initial_loss_gap)
        self.validation_loss, self.validation_accuracy = self.loss, np.zeros(num_envs)
        self._state = Emulated(np.zeros(num_envs), np.zeros(num_envs))
        self._finetuned = np.zeros(num_envs, dtype=bool)  # ran a round of fine-tuning
        self._rounds_unseen = np.zeros(num_envs, dtype=int)

    def begin(self, copies: NDArray[np.bool_], seeds: Sequence[int]) -> None:
        """Begin with untrained networks in some copies."""
        if self.emulator is None:
            return
        self._replace(copies, self.emulator.start(np.array([luck(seed) for seed in seeds])))
        self._finetuned = self._finetuned & ~copies
        self._look(copies)
        self.loss = np.where(copies, self.validation_loss, self.loss)

    def train(self, decisions: Decisions, ledger: VectorLedger, running: NDArray[np.bool_]) -> None:
        """Run the round just booked in the running copies; their loss is that before its step."""
        if self.emulator is None or self._recordings is None:
            return
        finetuning = ledger.stage == Stage.FINETUNE.value
        if (handed_over := running & finetuning & ~self._finetuned).any():
            self._replace(handed_over, self.emulator.hand_over(self._of(handed_over)))
            self._finetuned = self._finetuned | handed_over
        batch_size = np.where(
            finetuning, decisions.batch_size.sum(axis=-1), decisions.server_batch_size
        )
        self._recordings.look(finetuning[running], ledger.round[running], batch_size[running])
        self.loss = np.where(running, self.emulator.loss(self._state), self.loss)
        after = self.emulator.descend(self._state, batch_size)
        self._state = Emulated(
            *(np.where(running, *both) for both in zip(after, self._state, strict=True))
        )
        self._rounds_unseen = self._rounds_unseen + running

    def look_at_validation(self, ended: NDArray[np.bool_]) -> None:
        """Look where it is due, and where an episode ended with rounds unseen."""
        due = self._rounds_unseen >= self.scenario.learning.validation_interval
        if (looking := due | (ended & (self._rounds_unseen > 0))).any():
            self._look(looking)

    def _look(self, copies: NDArray[np.bool_]) -> None:
        assert self.emulator is not None
        state = self._of(copies)
        loss = np.where(
            self._finetuned[copies], self.emulator.loss(state), self.emulator.shifted_loss(state)
        )
        self.validation_loss = _replaced(self.validation_loss, copies, loss)
        accuracy = self.emulator.accuracy(loss)
        self.validation_accuracy = _replaced(self.validation_accuracy, copies, accuracy)
        self._rounds_unseen = np.where(copies, 0, self._rounds_unseen)

    def _of(self, copies: NDArray[np.bool_]) -> Emulated:
        return Emulated(*(values[copies] for values in self._state))

    def _replace(self, copies: NDArray[np.bool_], state: Emulated) -> None:
        pairs = zip(self._state, state, strict=True)
        self._state = Emulated(*(_replaced(old, copies, new) for old, new in pairs))


def _replaced(values: Array, copies: NDArray[np.bool_], new: Array) -> Array:
    """Copy an array with other values for some copies."""
    values = values.copy()
    values[copies] = new
    return values
