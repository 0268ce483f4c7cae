"""Parts of an action: what a slice of it means in physical units, in both directions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edgegym.errors import InputError
from edgegym.physics import Array
from edgegym.physics.sums import sum_over_devices

#: The least share that is not none, by the largest one.
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class LogBox:
    """A value for each of n, or one, by logarithm from a floor at -1 to the limit at 1."""

    name: str
    unit: str
    low: Array  # () or (n,)
    high: Array
    whole: bool = False  # whether it is rounded to whole numbers

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Least and largest values in its unit."""
        return self.low, self.high

    def read(self, values: Array) -> Array:
        """Take values (..., n), or (...) of one, that were mapped already."""
        return np.rint(values) if self.whole else values

    def write(self, values: ArrayLike) -> Array:
        """Give the values to be mapped, (n,)."""
        return np.ravel(np.asarray(values, dtype=float))


@dataclass(frozen=True)
class Simplex:
    """Shares of n that sum to 1, by softmax: -1 has `LEAST_SHARE` of what 1 has.

    A smaller share, or none, is played as that: it takes a millionth of the others. With a `total`
    they are whole parts of it, and -1 has none.
    """

    name: str
    n: int
    total: int | None = None
    unit: str = "share"

    @property
    def low(self) -> Array:
        """What is mapped to -1, (n,)."""
        return np.full(self.n, LEAST_SHARE)

    @property
    def high(self) -> Array:
        """What is mapped to 1, (n,)."""
        return np.ones(self.n)

    @property
    def whole(self) -> bool:
        """Whether its parts are whole numbers."""
        return self.total is not None

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Least and largest values in its unit."""
        if self.total is None:
            return self.low, self.high
        return np.zeros(self.n), np.full(self.n, float(self.total))

    def read(self, values: Array) -> Array:
        """Take values (..., n) that were mapped already; all of them none are equal shares."""
        if self.total is None:
            return values / sum_over_devices(values)[..., np.newaxis]
        some = values > LEAST_SHARE * (1 + 1e-9)
        values = np.where(some | ~some.any(axis=-1, keepdims=True), values, 0.0)
        parts = self.total * (values / sum_over_devices(values)[..., np.newaxis])
        return largest_remainder(parts, self.total)

    def write(self, values: ArrayLike) -> Array:
        """Give the values to be mapped, (n,), whatever they sum to.

        Raises
        ------
        InputError
            If all are 0.
        """
        shares = np.asarray(values, dtype=float)
        if not shares.any():
            raise InputError(
                f"{self.name} must hold something above 0; got {shares.tolist()}. Share it out."
            )
        shares = shares / shares.max()
        return np.maximum(shares, LEAST_SHARE)


def largest_remainder(parts: Array, total: int) -> Array:
    """Round parts to whole numbers that sum to the total, each to one of its neighbours.

    All are rounded down, and what is left goes to those that lost most.

    Parameters
    ----------
    parts : (..., n), summing to the total
    total : a whole number

    Examples
    --------
    >>> largest_remainder(np.array([3.30034, 1.98327, 4.71639]), 10)
    array([3., 2., 5.])
    """
    whole = np.floor(parts)
    left = np.rint(total - whole.sum(axis=-1, keepdims=True))
    place = np.argsort(np.argsort(whole - parts, axis=-1, kind="stable"), axis=-1)
    return np.asarray(whole + (place < left))
