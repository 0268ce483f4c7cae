"""The course of an episode, kept for drawing."""

from dataclasses import dataclass, field
from typing import Any

from edgegym.lifecycle.codec import decision_of
from edgegym.lifecycle.state import ROUNDS, State


@dataclass
class History:
    """What each step has shown, as columns, and the last decision of every stage."""

    rounds: list[int] = field(default_factory=list)  # done in all stages together
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    measured: list[list[float]] = field(default_factory=list)  # what the rules measure
    decisions: dict[int, Any] = field(default_factory=dict)  # by the stage they were played in

    def add(self, state: State, n_stages: int, decision: Any = None) -> None:
        """Enter where a reset or a step has led to, of one copy."""
        done = state.totals[ROUNDS : ROUNDS + n_stages].astype(int)
        if self.rounds and done.sum() > self.rounds[-1]:
            self.decisions[int(done.nonzero()[0][-1])] = decision_of(decision, 0)
        self.rounds.append(int(done.sum()))
        self.loss.append(float(state.loss))
        self.validation_loss.append(float(state.validation[0]))
        self.measured.append(state.measured.tolist())

    def copied(self) -> "History":
        """Copy the columns; what they hold is never changed."""
        return History(
            list(self.rounds),
            list(self.loss),
            list(self.validation_loss),
            list(self.measured),
            dict(self.decisions),
        )
