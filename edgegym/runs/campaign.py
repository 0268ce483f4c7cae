"""A run folder from its beginning to its tables: begun or taken up, planned and played."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from edgegym.runs.episodes import REPORT_MODULES, TRAINING_MODULES, collect, play_designs, prepare
from edgegym.runs.files import write_whole
from edgegym.runs.manifest import AgentFile, Design, Manifest, require_new, save_manifest
from edgegym.runs.play import make_env, open_env
from edgegym.runs.players import Contender, find_contenders
from edgegym.runs.workers import start_workers

if TYPE_CHECKING:
    import pandas as pd

#: One row per episode and device, where something was trained.
DEVICES = "devices.csv"
#: Shows a bar under a description, and gives what moves it: how much is done, of how much.
Counting = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


def carry_out(
    begun: Manifest,
    plan: Callable[[], dict[str, Design]] | None,
    run_dir: Path,
    *,
    find_agent: Callable[[AgentFile], Contender],
    jobs: int,
    backend: str,
    device: str,
    data_dir: str | None,
    tell: Callable[[str], object],
    counting: Counting,
) -> "tuple[Manifest, pd.DataFrame, pd.DataFrame]":
    """Plan what a new run plays, or take up an old one, and play all that is missing.

    What was trained leaves a table of the devices in the run folder.

    What is wrong with data, device or agents is said before a new folder is made.

    Parameters
    ----------
    begun : of an old run as it was read, of a new one without designs
    plan : makes a new run's designs; None for an old one
    run_dir : the run folder
    find_agent : lets a saved agent take part
    jobs, backend : in how many processes to play, or on what else
    device, data_dir : where to train, and where the data sets lie
    tell : called with where the training runs
    counting : shows how many episodes are played

    Returns
    -------
    Manifest, results with one row per episode, rounds with one per round
    """
    scenario, fidelity = begun.read_scenario(), begun.fidelity
    make_env(scenario, fidelity=fidelity)  # refuses what it cannot play
    agents = [find_agent(file) for file in begun.agents.values()]
    if plan is not None:
        require_new(run_dir)
    for agent in agents:  # what is wrong with one is said before all else
        agent.make_policy(open_env(scenario, fidelity=fidelity, **agent.arguments))
    with start_workers(jobs, backend, TRAINING_MODULES if fidelity == "train" else ()) as pool:
        manifest = begun if plan is None else begun.model_copy(update={"designs": plan()})
        if fidelity == "train":
            prepared = pool.submit(prepare, scenario, device, data_dir)
            for module in REPORT_MODULES:  # while there is nothing else to do here
                import_module(module)
            tell(prepared.result())
        if plan is not None:
            save_manifest(manifest, run_dir)
        contenders = find_contenders(manifest, find_agent)
        with counting("Playing") as on_progress:
            play_designs(
                pool,
                scenario,
                contenders,
                manifest.seeds,
                run_dir,
                fidelity=fidelity,
                device=device,
                data_dir=data_dir,
                on_progress=on_progress,
            )
    results, rounds, devices = collect(contenders, manifest.seeds, run_dir)
    if len(devices):
        write_whole(run_dir / DEVICES, devices.to_csv(index=False))
    return manifest, results, rounds
