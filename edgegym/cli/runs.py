"""What the commands share that play many episodes into a run folder."""

import os
import re
import sys
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgegym.cli.agents import agent_contender, warn_of_code
from edgegym.cli.printing import progress_console
from edgegym.cli.progress import counting
from edgegym.errors import InputError
from edgegym.lifecycle.state import EndCode
from edgegym.runs import campaign
from edgegym.runs.manifest import Design, Manifest
from edgegym.systems.two_stage.emulator_file import load_emulator

if TYPE_CHECKING:
    import pandas as pd

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
        help="What `edgegym train` wrote, shipped:NAME, an archive of SB3 with --algo, or "
        "MODULE:FUNCTION; repeat for more.",
    ),
]
Algo = Annotated[
    str | None,
    typer.Option(
        "--algo", help="Of an archive without a card: ppo, any other of SB3, or MODULE:CLASS."
    ),
]
RoundsPerStep = Annotated[
    int | None,
    typer.Option("--rounds-per-step", min=1, help="Of an --agent without a card; else 1."),
]
EnvArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="KEY=VALUE",
        help="Of an --agent without a card: budgets or reward of its environment; repeat for more.",
    ),
]
Wrappers = Annotated[
    list[str] | None,
    typer.Option(
        "--wrapper",
        metavar="WRAPPER",
        help="Of an --agent without a card: DiscreteAction(levels=3), or MODULE:CLASS; the first "
        "one is innermost.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder; else one below runs/.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="A small one, to see what it does; its figures say little.")
]
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
    begun: Manifest, plan: Callable[[], dict[str, Design]] | None, run_dir: Path, **where: Any
) -> "tuple[Manifest, pd.DataFrame, pd.DataFrame]":
    """Carry out a run, as `edgegym.runs.campaign` does, before the user's eyes."""
    remarks = begun.find_system().remarks
    for remark in remarks(begun.read_scenario()):  # before hours of training, and again below
        print(remark, file=sys.stderr)
    warn_of_code(begun.agents.values())

    def make_designs() -> dict[str, Design]:
        assert plan is not None
        with progress_console.status("Planning"):
            return plan()

    return campaign.carry_out(
        begun,
        make_designs if plan else None,
        run_dir,
        find_agent=agent_contender,
        tell=progress_console.print,
        counting=counting,
        **where,
    )


def print_remarks(manifest: Manifest, results: "pd.DataFrame", without: str) -> None:
    """Say what a table's reader has to know of the scenario, its plans, and what diverged.

    Whose training diverged is left `without`.
    """
    scenario = manifest.read_scenario()
    for remark in manifest.find_system().remarks(scenario):
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
