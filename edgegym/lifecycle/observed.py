"""What an observation shows: ratios and logarithms of them, as a flat array and by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import MINUS_ONE, ONE, Array, Numbers


@dataclass(frozen=True)
class Shown:
    """One entry, or n of a kind.

    Its values are ratios in [-1, 1] as they are, or, with `decades`, logarithms base ten mapped
    from there to [-1, 1]. What lies outside is clipped.
    """

    name: str
    n: int | None = None
    decades: tuple[float, float] | None = None

    @property
    def names(self) -> list[str]:
        """Name every entry."""
        return [self.name] if self.n is None else [f"{self.name}_{k}" for k in range(self.n)]


class LogScale:
    """Decades, of one quantity or of some, whose logarithms base ten are mapped to [-1, 1].

    Examples
    --------
    >>> LogScale(-4.0, 2.0).share(np.array([0.0, 0.1, 100.0])).tolist()
    [-1.0, 0.0, 1.0]
    """

    def __init__(self, low: Numbers, high: Numbers) -> None:
        self._low, self._least = np.asarray(low), np.asarray(10.0**low)
        self._width = np.asarray(high - low)

    def share(self, ratio: Array) -> Array:
        """Map ratios, in their place; what lies below the decades is shown as their end."""
        np.maximum(ratio, self._least, out=ratio)
        np.log10(ratio, out=ratio)
        ratio -= self._low
        ratio += ratio
        ratio /= self._width
        ratio -= ONE
        return ratio


class ObservationCodec:
    """Flat observations in [-1, 1] and the names of their entries.

    Examples
    --------
    >>> codec = ObservationCodec([Shown("left_share"), Shown("gain_log", 2, decades=(-4.0, 2.0))])
    >>> codec.names
    ['left_share', 'gain_log_0', 'gain_log_1']
    >>> codec.encode(np.array([[0.5], [0.1], [100.0]])).tolist()
    [[0.5, 0.0, 1.0]]
    """

    def __init__(self, shown: Sequence[Shown]) -> None:
        self.names = [name for entry in shown for name in entry.names]
        decades = [entry.decades for entry in shown for _ in entry.names]
        self._logs: list[tuple[slice, LogScale]] = []
        for is_log, group in groupby(range(len(decades)), key=lambda row: decades[row] is not None):
            rows = list(group)
            if is_log:
                low, high = np.array([decades[row] for row in rows]).T[..., np.newaxis]
                self._logs.append((slice(rows[0], rows[-1] + 1), LogScale(low, high)))

    def encode(self, ratios: Array) -> NDArray[np.float32]:
        """Write what agents see, (C, n), from the ratios of all copies, (n, C)."""
        for rows, scale in self._logs:
            scale.share(ratios[rows])
        np.maximum(ratios, MINUS_ONE, out=ratios)
        np.minimum(ratios, ONE, out=ratios)
        return ratios.astype(np.float32).T.copy()

    def named(self, observation: NDArray[np.float32]) -> dict[str, float]:
        """Name every entry of an observation."""
        return dict(zip(self.names, map(float, observation), strict=True))
