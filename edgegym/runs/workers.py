"""Processes that work side by side, and calls that are run in them."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from edgegym.errors import InputError, unknown_name
from edgegym.runs.imports import IMPORTED, import_modules

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
BACKENDS = ("processes", "ray")


class Workers(ProcessPoolExecutor):
    """Processes that import the user's modules before they read what they are to call.

    A module that raises in another process then ends a call with its reason, and not the process.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a call to the processes."""
        return super().submit(_call, tuple(IMPORTED), pickle.dumps((fn, args, kwargs)))


def _call(modules: Sequence[str], call: bytes) -> Any:
    import_modules(modules)
    fn, args, kwargs = pickle.loads(call)
    return fn(*args, **kwargs)


def start_workers(jobs: int, backend: str = "processes", preload: Sequence[str] = ()) -> Executor:
    """Start what plays: processes of this machine, or the tasks of a running Ray cluster.

    Processes are no forks of this one, as forks of one that has used CUDA can hang. On Linux they
    are forks of a server that has imported what they need, once for all, and has done nothing else.

    Parameters
    ----------
    jobs : processes
    backend : "processes" or "ray"
    preload : modules that every process needs

    Raises
    ------
    InputError
        If there is no such backend, no Ray, or no cluster.
    """
    if backend not in BACKENDS:
        raise unknown_name("backend", backend, BACKENDS)
    if backend == "ray":
        from edgegym.runs.cluster import RayExecutor

        return RayExecutor()
    if sys.platform != "linux":
        return Workers(jobs, multiprocessing.get_context("spawn"))
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    forkserver.ensure_running()  # imports while the console plans
    return Workers(jobs, context)


def run_all(
    pool: Executor,
    calls: Mapping[Key, Callable[[], Result]],
    keep: Callable[[Key, Result], object],
    on_progress: Callable[[int, int], None],
    *,
    n_before: int = 0,
    size: Callable[[Key], int] = lambda key: 1,
) -> None:
    """Run calls in a pool, and keep each result as soon as it is there.

    What goes wrong, also while a result is kept, ends the pool and whatever has not begun in it.

    Parameters
    ----------
    pool : where they run
    calls : by a key; pickled, so partials of functions at module level
    keep : called with key and result, in this process
    on_progress : called with what is done and all there is, first and after every call
    n_before : what was done before
    size : of a call, in what is counted

    Raises
    ------
    InputError
        If one of the pool's processes is ended from outside.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from functools import partial
    >>> kept = {}
    >>> calls = {"a": partial(abs, -1), "b": partial(abs, -2)}
    >>> with ThreadPoolExecutor(1) as pool:
    ...     run_all(pool, calls, kept.__setitem__, print)
    0 2
    1 2
    2 2
    >>> sorted(kept.items())
    [('a', 1), ('b', 2)]
    """
    n_done, n_all = n_before, n_before + sum(map(size, calls))
    on_progress(n_done, n_all)
    try:
        futures = {pool.submit(call): key for key, call in calls.items()}
        for future in as_completed(futures):
            keep(futures[future], future.result())
            n_done += size(futures[future])
            on_progress(n_done, n_all)
    except BrokenProcessPool:
        raise InputError(
            "worker processes must live until their work is done; got one that was ended from "
            "outside, as a system does that runs out of memory. Use fewer with --jobs; what was "
            "done is kept, and --resume goes on."
        ) from None
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
