"""From real-valued blocks to whole parameters."""

import numpy as np

from edgegym.physics import Array


def largest_remainder(blocks: Array, n_parameters: int) -> Array:
    """Round blocks to whole numbers that sum to the model's, each to one of its neighbours.

    All are rounded down, and what is left goes to those that lost most.

    Parameters
    ----------
    blocks : (N,) parameters, summing to n_parameters
    n_parameters : W

    Examples
    --------
    >>> largest_remainder(np.array([3.30034, 1.98327, 4.71639]), 10).tolist()
    [3, 2, 5]
    """
    whole = np.floor(blocks)
    left = round(n_parameters - whole.sum())
    order = np.argsort(whole - blocks, kind="stable")
    whole[order[:left]] += 1
    return whole.astype(int)
