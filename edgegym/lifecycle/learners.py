"""Learners as the lifecycle knows them: of many copies, training anything or nothing."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.codec import decision_of
from edgegym.physics import Array

Losses = tuple[Any, Any]


class Learner(Protocol):
    """The networks of C copies."""

    @property
    def interval(self) -> float:
        """Rounds after which the validation samples are looked at."""

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin with untrained networks in some copies."""

    def train(
        self,
        stage: NDArray[np.int_],
        round_index: NDArray[np.int_],
        decision: Any,
        running: NDArray[np.bool_],
    ) -> Array:
        """Run a round in the running copies; their losses before the step, (C,)."""

    def validate(self, copies: Sequence[int]) -> Losses:
        """Measure loss and accuracy of some copies on the validation samples."""

    def report(self, copy: int) -> dict[str, Any]:
        """Measure the final figures of a copy; nothing where nothing was trained.

        Those of each device are lists.
        """

    def snapshot(self) -> Any:
        """Copy what training changes."""

    def restore(self, snapshot: Any) -> None:
        """Go on from a snapshot, which may be restored again."""


class NoLearner:
    """Nothing is trained: the loss stays what it is of an untrained network."""

    interval = math.inf

    def __init__(self, initial_loss: float) -> None:
        self.initial_loss = initial_loss

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Have nothing to do."""

    def train(self, stage: Any, round_index: Any, decision: Any, running: Any) -> Array:
        """Leave the loss as it is."""
        return np.full(np.shape(running), self.initial_loss)

    def validate(self, copies: Sequence[int]) -> Losses:
        """Give the loss of an untrained network, and no accuracy."""
        return self.initial_loss, 0.0

    def report(self, copy: int) -> dict[str, float]:
        """Report nothing."""
        return {}

    def snapshot(self) -> None:
        """Have nothing to keep."""

    def restore(self, snapshot: None) -> None:
        """Have nothing to restore."""


class OneLearner(Protocol):
    """One network with its data, as a system's learning module has it."""

    def run_round(self, stage: int, round_index: int, decision: Any) -> float:
        """Train for one round; its loss before the step."""

    def validation(self) -> tuple[float, float]:
        """Measure loss and accuracy on the validation samples."""

    def report(self) -> dict[str, Any]:
        """Measure the final figures; those of each device are lists."""

    def snapshot(self) -> Any:
        """Copy what training changes."""

    def restore(self, snapshot: Any) -> None:
        """Go on from a snapshot."""


class OneByOne:
    """A learner of its own for every copy, made anew for every episode.

    Parameters
    ----------
    make : gives an untrained learner of a seed
    interval : rounds after which the validation samples are looked at
    """

    def __init__(self, make: Callable[[int], OneLearner], interval: int) -> None:
        self.make, self.interval = make, interval
        self.learners: dict[int, OneLearner] = {}

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin with untrained networks in some copies."""
        self.learners |= {copy: self.make(s) for copy, s in zip(copies, seeds, strict=True)}

    def train(
        self,
        stage: NDArray[np.int_],
        round_index: NDArray[np.int_],
        decision: Any,
        running: NDArray[np.bool_],
    ) -> Array:
        """Run a round in the running copies, one after another."""
        losses = np.zeros(running.size)
        for copy in np.flatnonzero(running).tolist():
            losses[copy] = self.learners[copy].run_round(
                int(stage[copy]), int(round_index[copy]), decision_of(decision, copy)
            )
        return losses

    def validate(self, copies: Sequence[int]) -> Losses:
        """Measure loss and accuracy of some copies on the validation samples."""
        return tuple(np.transpose([self.learners[copy].validation() for copy in copies]))

    def report(self, copy: int) -> dict[str, Any]:
        """Measure the final figures of a copy."""
        return self.learners[copy].report()

    def snapshot(self) -> dict[int, Any]:
        """Copy what training changes."""
        return {copy: learner.snapshot() for copy, learner in self.learners.items()}

    def restore(self, snapshot: dict[int, Any]) -> None:
        """Go on from a snapshot, of these learners or of their like."""
        for copy, kept in snapshot.items():
            if copy not in self.learners:
                self.learners[copy] = self.make(0)
            self.learners[copy].restore(kept)
