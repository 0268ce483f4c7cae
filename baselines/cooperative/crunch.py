"""CRUNCH-style: the matching whose slowest pair is fastest, by cutting, recounting, checking.

The names of the three steps are the paper's, what they do here is a reconstruction.
"""

import numpy as np

from baselines.cooperative.problem import Matching
from edgegym.physics import Array


def crunch(done_s: Array) -> tuple[Matching, float]:
    """Find the matching whose slowest pair is done first.

    A deeper block takes every device longer, so that within a time T device k can do the blocks
    1 ... D_k: nested prefixes, of which Hall's condition leaves N counts. All blocks can be matched
    where #{k : D_k >= n} >= N - n + 1 for n = 1 ... N. The times of all pairs are *cut* at
    one of them, the devices *recounted* and the counts *checked*, by bisection over the times.

    Parameters
    ----------
    done_s : (N, K) when a device is done with a block, never falling with the depth; infinite where
        it cannot hold it. Some matching must be finite.

    Returns
    -------
    The matching, and when its slowest pair is done

    Examples
    --------
    The worked case with equal shares:

    >>> from baselines.cooperative.problem import worked_problem
    >>> problem = worked_problem()
    >>> matching, done_s = crunch(problem.compute_s + problem.equal_upload_s)
    >>> matching.tolist(), round(done_s, 6)
    ([0, 1, 3], 4.5)
    """
    n_blocks = len(done_s)
    needed = n_blocks - np.arange(n_blocks)
    times = np.unique(done_s[np.isfinite(done_s)])
    low, high = 0, times.size - 1
    while low < high:
        middle = (low + high) // 2
        counts = np.count_nonzero(done_s <= times[middle], axis=1)
        low, high = (low, middle) if (counts >= needed).all() else (middle + 1, high)
    in_time = np.where(done_s <= times[low], done_s, np.inf)
    matching = np.empty(n_blocks, dtype=np.intp)
    for block in reversed(range(n_blocks)):  # the deepest first, whose devices can do all others
        matching[block] = np.argmin(in_time[block])
        in_time[:, matching[block]] = np.inf
    return matching, float(times[low])
