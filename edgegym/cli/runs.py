"""What the commands share that play many episodes into a run folder."""

import os
import re
import sys
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from datetime import datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from edgegym.cli.agents import agent_contender, try_agents
from edgegym.cli.contenders import find_contenders
from edgegym.cli.printing import progress_console
from edgegym.cli.progress import counting
from edgegym.errors import InputError
from edgegym.lifecycle.state import EndCode
from edgegym.runs.manifest import Design, Manifest, require_new, save_manifest
from edgegym.runs.play import make_env
from edgegym.systems.two_stage.emulator import load_emulator
from edgegym.systems.two_stage.remarks import remarks

Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes, one torch thread each.")]
Backend = Annotated[
    str,
    typer.Option("--backend", help="processes, or ray: the tasks of a running Ray cluster."),
]
Agents = Annotated[
    list[Path] | None,
    typer.Option(
        "--agent",
        metavar="FILE",
        help="What `edgegym train` wrote, or an archive of SB3 with --algo; repeat for more.",
    ),
]
Algo = Annotated[
    str | None,
    typer.Option("--algo", help="Of an --agent without a card: ppo, sac, td3 or tqc."),
]
RoundsPerStep = Annotated[
    int | None,
    typer.Option("--rounds-per-step", min=1, help="Of an --agent without a card; else 1."),
]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder; else one below runs/.")]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="Finish what a killed run left in its folder.")
]

N_CORES = os.cpu_count() or 1
#: What a resumed run may still be told: how it is played, not what.
FREE = {"number", "jobs", "backend", "device", "data_dir", "resume", "as_json"}


def new_run_dir(job: str, scenario: str) -> Path:
    """Name a run folder by the time; of the scenario's name what every system takes in a path."""
    name = re.sub(r"[^\w.-]+", "-", scenario)
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{job}-{name}"


def require_alone(
    resume: Path | None, context: typer.Context, also_free: Collection[str] = ()
) -> None:
    """Refuse what a resumed run would ignore, as its folder says what is played.

    Parameters
    ----------
    resume : the run folder, if one is resumed
    context : of the command
    also_free : parameters that this command takes beside --resume

    Raises
    ------
    InputError
        If --resume stands beside such an option.
    """
    free = FREE.union(also_free)
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if resume and source and source.name == "COMMANDLINE" and parameter.name not in free:
            option = parameter.opts[0]
            raise InputError(
                f"--resume must stand without {option}, as the run folder says what is played; got "
                f"both. Leave {option} out, or begin a new run."
            )


def carry_out(
    begun: Manifest,
    plan: Callable[[], dict[str, Design]] | None,
    run_dir: Path,
    *,
    jobs: int,
    backend: str,
    device: str,
    data_dir: str | None,
) -> tuple[Manifest, pd.DataFrame, pd.DataFrame]:
    """Plan what a new run plays, or take up an old one, and play all that is missing.

    What is wrong with data, device or agents is said before a new folder is made.

    Parameters
    ----------
    begun : of an old run as it was read, of a new one without designs
    plan : makes a new run's designs; None for an old one
    run_dir : the run folder
    jobs, backend : in how many processes to play, or on what else
    device, data_dir : where to train, and where the data sets lie

    Returns
    -------
    Manifest, results with one row per episode, rounds with one per round
    """
    from edgegym.runs.pool import TRAINING_MODULES, prepare, start_workers

    scenario = begun.read_scenario()
    for remark in remarks(scenario):  # before hours of training, and again below the table
        print(remark, file=sys.stderr)
    make_env(scenario, fidelity=begun.fidelity)  # refuses what it cannot play
    agents = [agent_contender(file) for file in begun.agents.values()]
    if plan is not None:
        require_new(run_dir)
    try_agents(scenario, begun.fidelity, agents)
    preload = TRAINING_MODULES if begun.fidelity == "train" else ()
    with start_workers(jobs, backend, preload) as pool:
        manifest = begun if plan is None else begun.model_copy(update={"designs": plan()})
        if begun.fidelity == "train":
            progress_console.print(pool.submit(prepare, scenario, device, data_dir).result())
        if plan is not None:
            save_manifest(manifest, run_dir)
        results, rounds = _play(pool, manifest, run_dir, device, data_dir)
    return manifest, results, rounds


def _play(
    pool: Executor,
    manifest: Manifest,
    run_dir: Path,
    device: str,
    data_dir: str | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from edgegym.runs.pool import collect, play_designs

    contenders, seeds = find_contenders(manifest), manifest.seeds
    with counting("Playing") as on_progress:
        play_designs(
            pool,
            manifest.read_scenario(),
            contenders,
            seeds,
            run_dir,
            fidelity=manifest.fidelity,
            device=device,
            data_dir=data_dir,
            on_progress=on_progress,
        )
    return collect(contenders, seeds, run_dir)


def print_remarks(manifest: Manifest, results: pd.DataFrame, without: str) -> None:
    """Say what a table's reader has to know of the scenario, its plans, and what diverged.

    Whose training diverged is left `without`.
    """
    scenario = manifest.read_scenario()
    for remark in remarks(scenario):
        print(remark)
    if manifest.fidelity == "curve":
        emulator = load_emulator(scenario)
        beyond = [n for n, plan in manifest.read_plans().items() if not emulator.covers(plan)]
        if beyond:
            print(f"{', '.join(beyond)}: extrapolated from {emulator.recorded_in_words()}.")
    for name, design in manifest.designs.items():
        if design.plan is None:
            print(f"{name} is {design.status}: {design.message}")
    diverged = results.loc[results["end_code"] == EndCode.DIVERGED, "design"]
    for diverging, n_runs in diverged.value_counts().items():
        print(f"{diverging}: training diverged in {n_runs} runs, which {without}.")
