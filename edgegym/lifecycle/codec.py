"""Actions of [-1, 1] and the decisions that they stand for, in both directions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgegym.errors import InputError
from edgegym.lifecycle.discrete import Assignment, Choice
from edgegym.lifecycle.parts import LogBox, Simplex
from edgegym.physics import MINUS_ONE, ONE, Array

#: An action whose first entry is above this moves the lifecycle on.
ADVANCE_THRESHOLD = np.array(0.5)

Part = LogBox | Simplex | Choice | Assignment
Decision = TypeVar("Decision", bound=tuple[Any, ...])


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
