"""The timer of every benchmark: Python's own, on torch's clock where torch runs."""

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Seconds that a run takes at least where a call may be repeated at will.
RUN_S = 0.1


def seconds(call: Callable[[], object], n_calls: int = 1, *, on_torch: bool = False) -> float:
    """Time a call, on average over so many in a row.

    Parameters
    ----------
    call : what is timed
    n_calls : how often in a row
    on_torch : whether to wait for a GPU at the start and at the end, where there is one

    Examples
    --------
    >>> seconds(lambda: sum(range(1000)), 3) > 0
    True
    """
    clock = timeit.default_timer
    if on_torch:
        from torch.utils.benchmark import timer as clock
    return timeit.timeit(call, timer=clock, number=n_calls) / n_calls


def in_turn(
    *calls: Callable[[], object], repeats: int, for_s: float = 0.0, on_torch: bool = False
) -> NDArray[Any]:
    """Time calls one after another, again and again, so that a slow moment meets them all.

    Each is called beforehand, as what is done once only is not timed; a run repeats it as often as
    fills `RUN_S`.

    Parameters
    ----------
    calls : what is timed
    repeats : runs of each at least
    for_s : seconds for which runs are added
    on_torch : as in `seconds`

    Returns
    -------
    Seconds a call, shape (run, call)

    Examples
    --------
    >>> in_turn(lambda: sum(range(10)), lambda: sum(range(20)), repeats=3).shape
    (3, 2)
    """
    n_calls = [_calls_in_a_run(call, on_torch) for call in calls]
    runs, end = list[list[float]](), timeit.default_timer() + for_s
    while len(runs) < repeats or timeit.default_timer() < end:
        pairs = zip(calls, n_calls, strict=True)
        runs.append([seconds(call, n, on_torch=on_torch) for call, n in pairs])
    return np.array(runs)


def _calls_in_a_run(call: Callable[[], object], on_torch: bool) -> int:
    call()
    n_calls = 1
    while n_calls * seconds(call, n_calls, on_torch=on_torch) < RUN_S:
        n_calls *= 2
    return n_calls
