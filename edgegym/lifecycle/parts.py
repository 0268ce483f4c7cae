"""Parts of an action: what a slice of [-1, 1] means in physical units, in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgegym.errors import InputError
from edgegym.physics import MINUS_ONE, ONE, Array
from edgegym.physics.sums import sum_over_devices

#: An action whose first entry is above this moves the lifecycle on.
ADVANCE_THRESHOLD = np.array(0.5)
#: The least share that is not none, by the largest one.
LEAST_SHARE = 1e-6

Decision = TypeVar("Decision", bound=tuple[Any, ...])


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


Part = LogBox | Simplex


class ActionCodec(Generic[Decision]):
    """Both directions between actions and decisions, for one action or for one in each row.

    Where there are stages to move on from, entry 0 is `advance` and the decision's first value;
    the parts follow in their order. What is mapped runs by logarithm from `low` to `high`.

    Parameters
    ----------
    decision : the record that a decision is; its fields are the parts', in their order
    parts : what the action decides

    Examples
    --------
    >>> from collections import namedtuple
    >>> box = LogBox("clock_hz", "Hz", np.array(1e7), np.array(1e9))
    >>> codec = ActionCodec(namedtuple("Decision", ["advance", "clock_hz"]), [box])
    >>> decision = codec.decode([-1.0, 0.0])
    >>> bool(decision.advance), round(float(decision.clock_hz))
    (False, 100000000)
    >>> codec.encode(codec.decode([1.0, 0.5]))
    array([1. , 0.5])
    """

    def __init__(self, decision: type[Decision], parts: Sequence[Part]) -> None:
        self.decision, self.parts = decision, tuple(parts)
        self.has_advance = decision._fields[0] == "advance"  # type: ignore[attr-defined]
        self.low, self.high = (
            np.concatenate([np.ravel(getattr(part, end)) for part in parts])
            for end in ("low", "high")
        )
        # A limit of one sample leaves nothing to choose, but its logarithm has to be divided by.
        self._log_ratio = np.log(np.maximum(self.high / self.low, 1 + 1e-12))
        ends = np.cumsum([np.size(part.low) for part in parts]).tolist()
        self._half_log_ratio = self._log_ratio / 2
        self._slices = [slice(*pair) for pair in pairwise([0, *ends])]
        self._readers = [
            (part.read, entries if np.ndim(part.low) else entries.start)
            for part, entries in zip(parts, self._slices, strict=True)
        ]
        self.size = self.low.size + self.has_advance

    def advances(self, decision: Decision) -> NDArray[np.bool_]:
        """Say who asks to move on, (...)."""
        return np.asarray(decision[0]) if self.has_advance else np.zeros((), dtype=bool)

    def decode(self, action: ArrayLike, shape: tuple[int, ...] = ()) -> Decision:
        """Read an action, or one of each copy (*shape, size); values outside [-1, 1] are clipped.

        Raises
        ------
        InputError
            If the shape is wrong or a value is not a number.
        """
        values = as_numbers("action", action)
        if values.shape != (*shape, self.size):
            raise InputError(
                f"action must have shape {(*shape, self.size)}; got shape {values.shape}. "
                "Make one entry for each row of the action table."
            )
        if np.count_nonzero(nan := np.isnan(values)):
            index = ", ".join(map(str, np.argwhere(nan)[0]))
            raise InputError(
                f"action must hold numbers only; got NaN at index {index}. Check what computed it."
            )
        lead = (np.newaxis,) * len(shape)  # NumPy is fast where nothing has to be broadcast
        mapped = np.maximum(values[..., self.has_advance :], MINUS_ONE)
        np.minimum(mapped, ONE, out=mapped)
        mapped += ONE
        mapped *= self._half_log_ratio[lead]
        np.exp(mapped, out=mapped)
        mapped *= self.low[lead]
        rows = mapped.T
        parts = [read(rows[entries].T) for read, entries in self._readers]
        head = [values.T[0] > ADVANCE_THRESHOLD] if self.has_advance else []
        return self.decision(*head, *parts)

    def encode(self, decision: Any) -> Array:
        """Write a decision as an action, in float64 so that it is played exactly.

        A part that is None, as what a stage does not use, is written as its limit.

        Raises
        ------
        InputError
            If a value lies below its floor or above its limit.
        """
        values = [(part, getattr(decision, part.name)) for part in self.parts]
        mapped = np.concatenate(
            [np.ravel(part.high) if value is None else part.write(value) for part, value in values]
        )
        with np.errstate(divide="ignore"):
            share = np.log(mapped / self.low) / self._log_ratio
        if np.any(wrong := (share < -1e-9) | (share > 1 + 1e-9)):
            index = int(np.argmax(wrong))
            raise InputError(
                f"entry {index + self.has_advance} of the action must lie in "
                f"[{self.low[index]:g}, {self.high[index]:g}]; got {mapped[index]:g}. "
                "Plan within the floors and limits of the environment."
            )
        head = [1.0 if decision.advance else -1.0] if self.has_advance else []
        return np.concatenate([head, 2 * np.clip(share, 0, 1) - 1])

    def entries(self, name: str) -> slice:
        """Say which entries of an action a part is."""
        (index,) = (n for n, part in enumerate(self.parts) if part.name == name)
        within = self._slices[index]
        return slice(within.start + self.has_advance, within.stop + self.has_advance)

    def advance(self) -> Array:
        """Write the action that moves the lifecycle on."""
        return np.ones(self.size)


def decision_of(decisions: Decision, copy: int) -> Decision:
    """Take the decision of one copy out of those of many."""
    return type(decisions)(*(values[copy] for values in decisions))


def as_numbers(name: str, values: Any) -> Array:
    """Take numbers, on whatever level, as an array; rows of them lie column by column.

    So what follows runs over one quantity of all copies at a time.

    Raises
    ------
    InputError
        If there is anything else among them.
    """
    try:
        return np.asarray(values, dtype=float, order="F")
    except (TypeError, ValueError):
        raise InputError(
            f"{name} must hold numbers only; got {values!r}. Check what computed it."
        ) from None
