"""What a step tells beside its observation: the same keys for one copy and for many."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.reward import reward_names, reward_terms
from edgegym.lifecycle.rules import Rules, budget_of
from edgegym.lifecycle.state import ENERGY, EndCode, State
from edgegym.physics import Array

#: Figures of every system before those of its own limits and measures.
FIGURES = (
    *("loss", "validation_loss", "validation_accuracy", "delay_s", "energy_j"),
    *("delay_left_s", "energy_left_j", "cost", "cost_delay", "cost_energy"),
)


class InfoWriter:
    """Writes what a step has led to, all figures into one new array.

    Parameters
    ----------
    rules : the system's
    """

    def __init__(self, rules: Rules) -> None:
        self._budget = budget_of(rules)
        stands = (*FIGURES, *(f"cost_{name}" for name in rules.limits), *rules.measures)
        rewards = (f"reward_{name}" for name in reward_names(rules))
        self._keys = ("stage", "round", *stands, "end_code", "is_success", *rewards)
        self._n_stands = len(stands)

    def many(self, before: State, after: State) -> dict[str, NDArray[Any]]:
        """Tell of a step of C copies, (C,) each, which the caller may change.

        Parameters
        ----------
        before, after : what the step led from and to
        """
        counts, figures = _counts(after), self._figures(before, after)
        return self._named([count.copy() for count in counts], [*figures])

    def one(self, before: State, after: State) -> dict[str, Any]:
        """Tell of a step of one copy, in plain numbers."""
        counts, figures = _counts(after), self._figures(before, after)
        return self._named([count.item() for count in counts], figures[:, 0].tolist())

    def _named(self, counts: list[Any], figures: list[Any]) -> dict[str, Any]:
        """Name them in the order in which they are read: what is reached, how it ended, rewards."""
        n = self._n_stands
        values = (*counts[:2], *figures[:n], *counts[2:], *figures[n:])
        return dict(zip(self._keys, values, strict=True))

    def _figures(self, before: State, after: State) -> Array:
        """Give the figures, (n, C), in the order of their keys."""
        spent = after.totals[: ENERGY + 1]
        return np.concatenate(
            (
                after.loss[np.newaxis],
                after.validation,
                spent,
                self._budget - spent,
                _costs(before.excess, after.excess),
                after.measured,
                *reward_terms(before, after, self._budget),
            )
        )


def _counts(after: State) -> tuple[NDArray[Any], ...]:
    """Give stage, rounds done in it, end code, and who ended with success."""
    return after.stage, after.round, after.end_code, _succeeded(after)


def _costs(before: Array, after: Array) -> Array:
    """Give what the step adds to the excess of all limits, its budgets' parts, and the others'."""
    costs = np.zeros((1 + len(after), after.shape[1]))
    if after is not before:  # the same as long as nothing is exceeded
        added = np.maximum(after - before, 0.0)
        costs[0] = np.add.reduce(added, axis=0)
        costs[1 : ENERGY + 2] = added[: ENERGY + 1]
        costs[ENERGY + 2 :] = after[ENERGY + 1 :]
    return costs


def _succeeded(state: State) -> NDArray[np.bool_]:
    """Say who ended with no limit exceeded and without having diverged."""
    ended = state.ended
    if not np.count_nonzero(ended):
        return ended
    return ended & (state.end_code != EndCode.DIVERGED.value) & ~state.excess.any(axis=0)
