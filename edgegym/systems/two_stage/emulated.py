"""The learner of fidelity `curve`: the emulator in the place of the networks of C copies."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.state import chosen
from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.systems.two_stage.decision import FINETUNE, Decision
from edgegym.systems.two_stage.emulator import Emulated, Emulator

Mask = NDArray[np.bool_]
NEXT = np.array(1)


def start_deviation(seed: int) -> float:
    """Draw how good an episode's initial weights are, in standard deviations."""
    return float(keyed_generator(seed, Stream.WEIGHTS).standard_normal())


class Training(NamedTuple):
    """Where the emulated trainings of C copies stand."""

    emulated: Emulated  # (C,) each
    finetuned: Mask  # (C,), whether a round of fine-tuning was run


class EmulatedLearner:
    """Both stages round by round; a round's loss is the expected one of its mini-batch."""

    def __init__(self, emulator: Emulator, n_copies: int, interval: int) -> None:
        self.emulator, self.interval = emulator, interval
        nothing = np.zeros(n_copies)
        self.training = Training(Emulated(nothing, nothing), np.zeros(n_copies, dtype=bool))
        self.has_warned = False

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin with untrained networks in some copies."""
        fresh = self.emulator.start(np.array([start_deviation(seed) for seed in seeds]))
        finetuned = _replaced(self.training.finetuned, copies, False)
        self.training = Training(_put(self.training.emulated, copies, fresh), finetuned)

    def train(
        self,
        stage: NDArray[np.int_],
        round_index: NDArray[np.int_],
        decision: Decision,
        running: Mask,
    ) -> Array:
        """Run a round in the running copies; their losses before the step."""
        finetuning = stage == FINETUNE
        emulated, finetuned = self.training
        batch_size = decision.server_batch_size
        if np.count_nonzero(finetuning):
            on_devices = np.add.reduce(decision.finetune_batch_size, axis=-1)
            batch_size = chosen(finetuning, on_devices, batch_size)
            handed_over = running & (finetuning > finetuned)  # and not yet
            if np.count_nonzero(handed_over):
                copies = np.flatnonzero(handed_over)
                emulated = _put(emulated, copies, self.emulator.hand_over(_of(emulated, copies)))
                finetuned = finetuned | handed_over
        if not self.has_warned:
            self._watch(running > self._are_recorded(finetuning, round_index + NEXT, batch_size))
        losses = self.emulator.loss(emulated)
        after = self.emulator.descend(emulated, batch_size)
        self.training = Training(chosen(running, after, emulated), finetuned)
        return losses

    def validate(self, copies: Sequence[int]) -> tuple[Array, Array]:
        """Give the expected loss and accuracy of some copies on the target domain."""
        state = _of(self.training.emulated, copies)
        loss = np.where(
            self.training.finetuned[copies],
            self.emulator.loss(state),
            self.emulator.shifted_loss(state),
        )
        return loss, self.emulator.accuracy(loss)

    def report(self, copy: int) -> dict[str, float]:
        """Report nothing: nothing was trained."""
        return {}

    def snapshot(self) -> Training:
        """Give what `restore` takes; it is never changed in place."""
        return self.training

    def restore(self, snapshot: Training) -> None:
        """Go back to a snapshot."""
        self.training = snapshot

    def _are_recorded(
        self, finetuning: Mask, n_rounds: NDArray[np.int_], batch_size: Array
    ) -> Mask:
        """Tell whose round lies within what was recorded of its stage."""
        before, after = self.emulator.recorded_pretrain, self.emulator.recorded_finetune
        n_finetuning = np.count_nonzero(finetuning)
        if not n_finetuning:
            return before.covers(n_rounds, batch_size)
        if n_finetuning == finetuning.size:
            return after.covers(n_rounds, batch_size)
        both = (stage.covers(n_rounds, batch_size) for stage in (after, before))
        return np.where(finetuning, *both)

    def _watch(self, leaving: Mask) -> None:
        """Warn once, the first time that an episode leaves what the emulator was fitted on."""
        if np.count_nonzero(leaving):
            self.has_warned = True
            warnings.warn(
                f"The emulator was fitted on {self.emulator.recorded_in_words()}. An episode "
                "leaves that; its losses are extrapolated from there on, so train for real to "
                "know.",
                stacklevel=2,
            )


def _of(emulated: Emulated, copies: Any) -> Emulated:
    return Emulated(*(values[copies] for values in emulated))


def _put(emulated: Emulated, copies: Any, new: Emulated) -> Emulated:
    pairs = zip(emulated, new, strict=True)
    return Emulated(*(_replaced(old, copies, values) for old, values in pairs))


def _replaced(values: Any, copies: Any, new: Any) -> Any:
    """Copy an array with other values for some copies."""
    values = values.copy()
    values[copies] = new
    return values
