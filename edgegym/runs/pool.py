"""The main job: every design played over several seeds, in parallel, one file per episode."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edgegym.errors import InputError, unknown_name
from edgegym.runs.files import read_model, write_whole
from edgegym.runs.imports import IMPORTED, import_modules
from edgegym.runs.play import PLAY_AGAIN, Episode, play_anew
from edgegym.runs.players import Contender
from edgegym.systems.system import imported, system_of

if TYPE_CHECKING:
    import pandas as pd

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
BACKENDS = ("processes", "ray")
#: What real training imports, in seconds.
TRAINING_MODULES = ("edgegym.learning.learner",)
#: What tables and pictures import, in a second.
REPORT_MODULES = ("pandas", "scipy.stats", "matplotlib.figure")


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
    futures = {pool.submit(call): key for key, call in calls.items()}
    try:
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


def prepare(scenario: Any, device: str, data_dir: str | Path | None) -> str:
    """Find the device and load the data once, so that what is missing is said before all else.

    Returns
    -------
    Where the training will run, and on data from where
    """
    import torch

    from edgegym.learning.datasets import TaskData, missing_classes
    from edgegym.learning.devices import find_device
    from edgegym.learning.sources import find_data_dir

    torch.set_num_threads(1)
    chosen, folder = find_device(device), find_data_dir(data_dir)
    learner = imported(system_of(scenario).learner)(scenario, 0, device, data_dir)
    remark = missing_classes(learner.data) if isinstance(learner.data, TaskData) else ""
    return f"Training on {chosen}, data sets in {folder}" + (remark and f"; {remark}")


def episode_files(
    contenders: Mapping[str, Contender], seeds: Sequence[int], run_dir: Path
) -> dict[tuple[str, int], Path]:
    """Name the file of every design's and seed's episode; designs that play alike share theirs."""
    return {
        (design, seed): run_dir / "episodes" / f"{contender.digest}-seed{seed}.json"
        for design, contender in contenders.items()
        for seed in seeds
    }


def play_designs(
    pool: Executor,
    scenario: Any,
    contenders: Mapping[str, Contender],
    seeds: Sequence[int],
    run_dir: Path,
    *,
    fidelity: str,
    device: str,
    data_dir: str | Path | None,
    on_progress: Callable[[int, int], None],
) -> None:
    """Play everyone with every seed; episodes that lie in the run folder are not played again.

    Parameters
    ----------
    pool : processes to play in, each with one torch thread
    scenario : what is played, but for a contender's own changes
    contenders : who plays, by the design's name
    seeds : common to all designs, so that they meet the same weights and mini-batches
    run_dir : the run folder; each episode is written there as soon as it ends
    fidelity : of the environment
    device, data_dir : where to train, and where the data sets lie
    on_progress : called with the episodes done and all there are, first and after every one
    """
    files = episode_files(contenders, seeds, run_dir)
    missing = {path: key for key, path in files.items() if not path.exists()}
    calls = {
        path: partial(
            play_anew,
            scenario.replace(**contenders[design].changes),
            contenders[design].make_policy,
            seed,
            fidelity=fidelity,
            device=device,
            data_dir=data_dir,
            **contenders[design].arguments,
        )
        for path, (design, seed) in missing.items()
    }
    n_before = len(set(files.values())) - len(missing)
    run_all(pool, calls, _write_episode, on_progress, n_before=n_before)


def _write_episode(path: Path, episode: Episode) -> None:
    write_whole(path, episode.model_dump_json())


def collect(
    contenders: Mapping[str, Contender], seeds: Sequence[int], run_dir: Path
) -> "tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]":
    """Read the run folder's episodes as tables, one row per episode, per round and per device.

    Where nothing was trained, the last one is empty.
    """
    import pandas as pd  # half a second, and what plays needs none

    results, rounds, devices = [], [], []
    for (design, seed), path in episode_files(contenders, seeds, run_dir).items():
        episode = read_model(Episode, path, PLAY_AGAIN)
        who = {"design": design, "seed": seed}
        results.append({**who, **episode.final})
        rounds.append(pd.DataFrame({**who, **episode.rounds}))
        if episode.devices:
            devices.append(pd.DataFrame({**who, **episode.devices}))
    played = [frame for frame in rounds if len(frame)] or rounds[:1]
    of_devices = pd.concat(devices, ignore_index=True) if devices else pd.DataFrame()
    return pd.DataFrame(results), pd.concat(played, ignore_index=True), of_devices
