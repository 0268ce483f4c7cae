"""Intervals of what runs show, by drawing the runs again (Efron's bootstrap)."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edgegym.physics.draws import Stream, keyed_generator

#: How often runs are drawn anew, and the share of the draws that an interval holds.
DRAWS, SHARE = 200, 0.95
Interval = tuple[float, float]


def intervals(
    find: Callable[[NDArray[np.int_]], Mapping[str, float]], n_runs: int
) -> dict[str, Interval]:
    """Give the 95 % intervals of constants, from as many runs as there are, drawn with replacement.

    Parameters
    ----------
    find : finds the constants on runs of these numbers
    n_runs : there are

    Examples
    --------
    The mean of a hundred numbers of deviation 1 is known to about ± 0.2:

    >>> numbers = np.random.default_rng(0).standard_normal(100)
    >>> low, high = intervals(lambda runs: {"mean": float(numbers[runs].mean())}, 100)["mean"]
    >>> bool(low < 0 < high), bool(0.3 < high - low < 0.5)
    (True, True)
    """
    draws = []
    for index in range(DRAWS):
        rng = keyed_generator(index, Stream.CALIBRATION)
        draws.append(find(rng.integers(n_runs, size=n_runs)))
    outside = (1 - SHARE) / 2
    return {
        key: tuple(np.quantile([draw[key] for draw in draws], [outside, 1 - outside]).tolist())
        for key in draws[0]
    }
