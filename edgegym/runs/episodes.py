"""The main job: every design played over several seeds, in parallel, one file per episode."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgegym.runs.files import read_model, write_whole
from edgegym.runs.play import PLAY_AGAIN, Episode, play_anew
from edgegym.runs.players import Contender
from edgegym.runs.workers import run_all
from edgegym.systems.system import imported, system_of

if TYPE_CHECKING:
    import pandas as pd

#: What real training imports, in seconds.
TRAINING_MODULES = ("edgegym.learning.learner",)
#: What tables and pictures import, in a second.
REPORT_MODULES = ("pandas", "scipy.stats", "matplotlib.figure")


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
