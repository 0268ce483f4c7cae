"""Parts of an action that choose among things: one of some numbers, or who takes what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgegym.errors import InputError
from edgegym.lifecycle.parts import LEAST_SHARE
from edgegym.physics import Array


@dataclass(frozen=True)
class Choice:
    """One of some numbers, each with an entry: that with the largest one, the first of equals."""

    name: str
    options: tuple[int, ...]
    unit: str = ""

    @property
    def low(self) -> Array:
        """What is mapped to -1, (n,)."""
        return np.full(len(self.options), LEAST_SHARE)

    @property
    def high(self) -> Array:
        """What is mapped to 1, (n,)."""
        return np.ones(len(self.options))

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return True

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Least and largest of the numbers."""
        return np.array(float(min(self.options))), np.array(float(max(self.options)))

    def read(self, values: Array) -> Array:
        """Take values (..., n) that were mapped already, and give what is chosen, (...)."""
        return np.array(self.options, dtype=float)[np.argmax(values, axis=-1)]

    def write(self, values: ArrayLike) -> Array:
        """Give the values to be mapped, (n,): 1 for what is chosen, -1 for all else.

        Raises
        ------
        InputError
            If it is none of the options.
        """
        value = float(np.asarray(values))
        if value not in self.options:
            raise InputError(
                f"{self.name} must be one of {', '.join(map(str, self.options))}; got {value:g}. "
                "Choose one of them."
            )
        return np.where(np.array(self.options) == value, 1.0, LEAST_SHARE)


@dataclass(frozen=True)
class Assignment:
    """Who of K takes each of N items: a score for each pair, and the matching of the largest sum.

    No two items have one taker, but that one may take all where its scores sum to more than those
    of any matching. A pair that is not able is never chosen, whatever its score.

    Parameters
    ----------
    name : of the part
    able : (N, K) whether a taker may take an item beside others' items; some matching must be able
    alone : (K,) whether it may take all
    """

    name: str
    able: NDArray[np.bool_]
    alone: NDArray[np.bool_]
    unit: str = "index"
    whole: bool = True

    @property
    def low(self) -> Array:
        """What is mapped to -1, (N·K,): the logarithm of what is mapped is the score."""
        return np.full(self.able.size, np.exp(-1.0))

    @property
    def high(self) -> Array:
        """What is mapped to 1, (N·K,)."""
        return np.full(self.able.size, np.exp(1.0))

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Least and largest index of a taker, (N,) each."""
        n_items, n_takers = self.able.shape
        return np.zeros(n_items), np.full(n_items, n_takers - 1.0)

    def read(self, values: Array) -> Array:
        """Take values (..., N·K) that were mapped already, item by item; give takers (..., N)."""
        scores = np.log(values).reshape(*values.shape[:-1], *self.able.shape)
        takers = np.empty(scores.shape[:-1])
        for copy in np.ndindex(scores.shape[:-2]):
            takers[copy] = self._best(scores[copy])
        return takers

    def _best(self, scores: Array) -> Array | np.intp:
        from scipy.optimize import linear_sum_assignment  # half a second, and only here

        items, takers = linear_sum_assignment(np.where(self.able, scores, -np.inf), maximize=True)
        sums = np.where(self.alone, scores.sum(axis=0), -np.inf)
        best = np.argmax(sums)
        return best if sums[best] > scores[items, takers].sum() else takers

    def write(self, values: ArrayLike) -> Array:
        """Give the values to be mapped, (N·K,), for the takers (N,).

        Raises
        ------
        InputError
            If one takes several items but not all, or is not able.
        """
        takers, (n_items, n_takers) = np.asarray(values), self.able.shape
        known = takers.shape == (n_items,) and np.isin(takers, np.arange(n_takers)).all()
        places = takers.astype(int) if known else np.zeros(n_items, dtype=int)
        if np.ptp(places):
            able = np.unique(places).size == n_items and self.able[range(n_items), places].all()
        else:
            able = (self.able if n_items == 1 else self.alone[np.newaxis])[0, places[0]]
        if not (known and able):
            raise InputError(
                f"{self.name} must hold {n_items} different indices below {n_takers}, or the same "
                f"one throughout, of who is able; got {takers.tolist()}. Choose among these."
            )
        scores = np.full(self.able.shape, self.low[0])
        scores[range(n_items), places] = self.high[0]
        return scores.ravel()
