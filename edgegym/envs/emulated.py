"""The learner of fidelity `curve`: the emulator in the place of a network."""

from typing import Any

import gymnasium as gym
import numpy as np

from edgegym.physics import Array, Numbers
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.systems.two_stage.emulator import Emulated, Emulator


def luck(seed: int) -> float:
    """Draw how fortunate an episode's initial weights are, in standard deviations."""
    return float(keyed_generator(seed, Stream.WEIGHTS).standard_normal())


class RecordingsWatch:
    """Warn once, the first time that an episode leaves what its emulator was fitted on."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator, self.has_warned = emulator, False

    def look(self, finetuning: Any, n_rounds: Numbers, batch_size: Numbers) -> None:
        """Look at rounds, of one copy or of many.

        Parameters
        ----------
        finetuning : (...) whether they are of fine-tuning, else of pre-training
        n_rounds : (...) of this stage so far, this one among them
        batch_size : (...) samples over all devices
        """
        if self.has_warned:
            return
        before, after = self.emulator.recorded_pretrain, self.emulator.recorded_finetune
        covered = np.where(
            finetuning, after.covers(n_rounds, batch_size), before.covers(n_rounds, batch_size)
        )
        if not covered.all():
            self.has_warned = True
            gym.logger.warn(
                f"The emulator was fitted on {self.emulator.recorded_in_words()}. An episode "
                "leaves that; its losses are extrapolated from there on, so train for real to know."
            )


class EmulatedLearner:
    """Both stages round by round, as `edgegym.learning.learner.Learner` has them.

    A round's loss is the expected one of its mini-batch, before the step.
    """

    def __init__(self, emulator: Emulator, seed: int) -> None:
        self.emulator = emulator
        self.training = emulator.start(luck(seed))
        self.finetuning = False

    def pretrain(self, round_index: int, batch_size: int) -> float:
        """Run one pre-training round and return its loss."""
        return self._run(batch_size)

    def finetune(self, round_index: int, batch_sizes: Array) -> float:
        """Run one fine-tuning round over all devices and return its loss."""
        if not self.finetuning:
            self.training = self.emulator.hand_over(self.training)
            self.finetuning = True
        return self._run(float(np.sum(batch_sizes)))

    def _run(self, batch_size: float) -> float:
        loss = float(self.emulator.loss(self.training))
        self.training = self.emulator.descend(self.training, batch_size)
        return loss

    def validation(self) -> tuple[float, float]:
        """Give the expected loss and accuracy on the target domain."""
        measure = self.emulator.loss if self.finetuning else self.emulator.shifted_loss
        loss = float(measure(self.training))
        return loss, float(self.emulator.accuracy(loss))

    def state(self) -> tuple[Emulated, bool]:
        """Give what `load_state` takes; it is never changed in place."""
        return self.training, self.finetuning

    def load_state(self, state: tuple[Emulated, bool]) -> None:
        """Go back to a state."""
        self.training, self.finetuning = state
