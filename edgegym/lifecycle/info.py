"""What a step tells beside its observation: the same keys for one copy and for many."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.reward import reward_names, write_reward_terms
from edgegym.lifecycle.rules import Rules, budget_of
from edgegym.lifecycle.state import DELAY, ENERGY, EndCode, State
from edgegym.physics import Array

#: Figures of every system before those of its own limits and measures.
FIGURES = (
    *("loss", "validation_loss", "validation_accuracy", "delay_s", "energy_j"),
    *("delay_left_s", "energy_left_j", "cost", "cost_delay", "cost_energy"),
)
#: Where they are written, and which totals have a budget.
LOSS, VALIDATION, SPENT, LEFT = 0, slice(1, 3), slice(3, 5), slice(5, 7)
COST, COSTS = 7, slice(8, 10)
BUDGETED = slice(DELAY, ENERGY + 1)


class InfoWriter:
    """Writes what a step has led to, all figures into one new array.

    Parameters
    ----------
    rules : the system's
    """

    def __init__(self, rules: Rules) -> None:
        self._budget = budget_of(rules)
        self._delay_budget_s = self._budget[DELAY].squeeze()
        stands = (*FIGURES, *(f"cost_{name}" for name in rules.limits), *rules.measures)
        rewards = [f"reward_{name}" for name in reward_names(rules)]
        self._keys = ("stage", "round", *stands, "end_code", "is_success", *rewards)
        self._n_stands, self._n_figures = len(stands), len(stands) + len(rewards)
        self._own_costs = slice(len(FIGURES), len(FIGURES) + len(rules.limits))
        self._measures = slice(self._own_costs.stop, self._n_stands)
        self._rewards = slice(self._n_stands, self._n_figures)

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
        """Give the figures, (n, C), in the order of their keys; what is not written is 0."""
        figures, spent = np.zeros((self._n_figures, after.stage.size)), after.totals[BUDGETED]
        figures[LOSS], figures[VALIDATION] = after.loss, after.validation
        figures[SPENT] = spent
        np.subtract(self._budget, spent, out=figures[LEFT])
        if after.excess is not before.excess:  # the same as long as nothing is exceeded
            added = np.maximum(after.excess - before.excess, 0.0)
            figures[COST], figures[COSTS] = np.add.reduce(added, axis=0), added[BUDGETED]
            figures[self._own_costs] = after.excess[ENERGY + 1 :]
        figures[self._measures] = after.measured
        write_reward_terms(before, after, self._delay_budget_s, out=figures[self._rewards])
        return figures


def _counts(after: State) -> tuple[NDArray[Any], ...]:
    """Give stage, rounds done in it, end code, and who ended with success."""
    return after.stage, after.round, after.end_code, _succeeded(after)


def _succeeded(state: State) -> NDArray[np.bool_]:
    """Say who ended with no limit exceeded and without having diverged."""
    if not np.count_nonzero(state.end_code):
        return np.zeros(state.end_code.shape, dtype=bool)
    return state.ended & (state.end_code != EndCode.DIVERGED.value) & ~state.excess.any(axis=0)
