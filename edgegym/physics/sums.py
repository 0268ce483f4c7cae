"""Sums over devices that have the same bits for one copy and for many."""

import numpy as np

from edgegym.physics import Array

#: From so many copies on, a sum for each device takes less time than one that runs over each copy.
MANY_COPIES = 64


def sum_over_devices(values: Array) -> Array:
    """Add up the last axis, one device after another.

    NumPy's own sum takes pairs where the values of one copy lie side by side, and not where those
    of many copies do: its last digits would depend on how many there are.

    Parameters
    ----------
    values : (..., K)

    Returns
    -------
    (...)

    Examples
    --------
    >>> many = np.random.default_rng(0).random((5, 100)).copy(order="F")
    >>> bool((sum_over_devices(many)[2] == sum_over_devices(many[2])).all())
    True
    """
    devices = values.T
    if devices[0].size < MANY_COPIES:
        return np.asarray(np.add.accumulate(values, axis=-1)[..., -1])
    total = devices[0]
    for device in devices[1:]:
        total = total + device
    return np.asarray(total.T)
