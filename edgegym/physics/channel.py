"""Random channel gains, drawn from a generator that the caller owns."""

import numpy as np

from edgegym.physics import Array

TINY = np.array(np.finfo(float).tiny)


def rayleigh_gain(
    rng: np.random.Generator, mean_gain: float, shape: int | tuple[int, ...]
) -> Array:
    """Power gains of independent Rayleigh-fading links, Section V.

    A Rayleigh-distributed amplitude has an exponentially distributed power:
    g ~ mean_gain · Exp(1). The first K draws do not depend on how many follow, so
    adding devices leaves the channels of the others as they were.

    Parameters
    ----------
    rng : generator that is advanced
    mean_gain : () power ratio, the mean path gain
    shape : shape of the result

    Returns
    -------
    shape, power ratio, all positive

    Examples
    --------
    >>> few = rayleigh_gain(np.random.default_rng(0), 1e-5, 2)
    >>> many = rayleigh_gain(np.random.default_rng(0), 1e-5, 4)
    >>> bool(np.all(few == many[:2]))
    True
    """
    # A draw of exactly zero would be an infinite delay; float64 allows it about once in 2**53.
    return mean_gain * np.maximum(rng.standard_exponential(shape), TINY)
