"""`edgegym evaluate`: agents, planners and a random policy on the same seeds, ranked fairly."""

from functools import partial
from typing import Annotated

import typer

from edgegym.cli.agents import find_agents
from edgegym.cli.leaderboard import report
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    ScenarioName,
    Seed,
    read_scenario,
)
from edgegym.cli.printing import progress_console
from edgegym.cli.runs import (
    N_CORES,
    Agents,
    Algo,
    Backend,
    Jobs,
    Out,
    Resume,
    RoundsPerStep,
    Seeds,
    carry_out,
    new_run_dir,
    require_alone,
)
from edgegym.errors import InputError, unknown_name
from edgegym.runs.campaign import (
    BENCHMARKS,
    mean_channel,
    plan_design,
    require_a_plan,
    require_a_round,
    with_constants,
)
from edgegym.runs.manifest import Design, load_manifest, make_manifest
from edgegym.runs.players import POLICIES
from edgegym.scenario.document import shipped_scenarios
from edgegym.systems.two_stage.scenario import Scenario, load_scenario

#: Rows of the table that are planned ahead of time: the paper's plan, the exact one, the exact one
#: with measured constants, and the benchmarks.
DESIGNS = {
    "sca": ("joint", "sca"),
    "exact": ("joint", "exact"),
    "calibrated": ("joint", "exact"),
    **BENCHMARKS,
}


def evaluate(
    context: typer.Context,
    scenario: ScenarioName = "digits",
    fidelity: Annotated[
        str, typer.Option("--fidelity", help="train (real SGD), curve (emulator) or bound")
    ] = "train",
    agent: Agents = None,
    algo: Algo = None,
    rounds_per_step: RoundsPerStep = None,
    calibrated: Annotated[
        str | None,
        typer.Option(
            "--calibrated",
            metavar="NAME|FILE",
            help="A scenario with measured constants; else NAME-effective where it is shipped.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", help=f"Beside agents only these of {','.join(POLICIES | DESIGNS)}"),
    ] = None,
    seeds: Seeds = 10,
    seed: Seed = 0,
    grid: Grid = 6,
    jobs: Jobs = N_CORES,
    backend: Backend = "processes",
    device: Device = "auto",
    data_dir: DataDir = None,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Let agents, planners and a random policy play the same seeds, and rank them.

    Writes results.csv (a row per episode), rounds.csv, summary.csv and summary.md (a row per
    contender), manifest.json and pictures of the scores and of the loss over time.
    """
    require_alone(resume, context)
    known = load_manifest(resume, "evaluate") if resume else None
    if known is not None:
        begun, plan = known, None
    else:
        checked = read_scenario(scenario, changes)
        measured = measured_constants(checked, calibrated)
        names = choose(only, checked, measured is not None)
        begun = make_manifest(
            checked,
            list(range(seed, seed + seeds)),
            designs={},
            job="evaluate",
            fidelity=fidelity,
            policies=[name for name in names if name in POLICIES],
            agents=find_agents(agent or [], algo, rounds_per_step),
        )
        plan = partial(plan_designs, checked, names, measured, grid)
    run_dir = resume or out or new_run_dir("evaluate", begun.scenario["name"])
    done = carry_out(
        begun, plan, run_dir, jobs=jobs, backend=backend, device=device, data_dir=data_dir
    )
    report(run_dir, *done, as_json)


def measured_constants(scenario: Scenario, calibrated: str | None) -> Scenario | None:
    """Load the scenario whose constants of (34) were measured, if there is one."""
    shipped = f"{scenario.name}-effective"
    if calibrated is None and shipped not in shipped_scenarios():
        return None
    return load_scenario(calibrated or shipped)


def choose(only: str | None, scenario: Scenario, is_measured: bool) -> list[str]:
    """Name who takes part beside the agents; without measured constants nothing is calibrated.

    Raises
    ------
    InputError
        If a name is unknown, or asks for constants that are not there.
    """
    everyone = [*POLICIES, *DESIGNS]
    names = [name.strip() for name in only.split(",")] if only else everyone
    if unknown := set(names) - set(everyone):
        raise unknown_name("--only", min(unknown), everyone)
    if not is_measured and only and "calibrated" in names:
        raise InputError(
            "--calibrated must name a scenario with measured constants; got nothing, and "
            f"'{scenario.name}-effective' is not shipped. Give one, or leave calibrated out."
        )
    return [n for n in everyone if n in names and (is_measured or n != "calibrated")]


def plan_designs(
    scenario: Scenario, names: list[str], measured: Scenario | None, grid: int
) -> dict[str, Design]:
    """Plan the rows of the table that are planned ahead, for the mean channel where it fades."""
    ahead, designs = mean_channel(scenario), {}
    with progress_console.status("Planning"):
        for name in (name for name in names if name in DESIGNS):
            believed = ahead
            if name == "calibrated" and measured is not None:
                believed = with_constants(ahead, measured)
            designs[name] = plan_design(believed, *DESIGNS[name], grid)
    require_a_plan(designs)
    if not designs:
        require_a_round(scenario)
    return designs
