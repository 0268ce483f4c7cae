"""`edgegym evaluate`: agents, planners and a random policy on the same seeds, ranked fairly."""

from typing import Annotated

import typer

from edgegym.cli.agents import find_agents
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    ScenarioName,
    Seed,
    SystemName,
    read_scenario,
)
from edgegym.cli.runs import (
    N_CORES,
    Agents,
    Algo,
    Backend,
    EnvArguments,
    Jobs,
    Out,
    Resume,
    RoundsPerStep,
    Seeds,
    Wrappers,
    carry_out,
    new_run_dir,
    require_alone,
)
from edgegym.runs.entrants import enter
from edgegym.runs.manifest import load_manifest


def evaluate(
    context: typer.Context,
    scenario: ScenarioName = None,
    system: SystemName = None,
    fidelity: Annotated[
        str, typer.Option("--fidelity", help="train (real SGD), curve (emulator) or bound")
    ] = "train",
    agent: Agents = None,
    algo: Algo = None,
    rounds_per_step: RoundsPerStep = None,
    env_argument: EnvArguments = None,
    wrapper: Wrappers = None,
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
        typer.Option("--only", help="Beside agents only these, as in random,sca,exact."),
    ] = None,
    board: Annotated[
        bool,
        typer.Option("--board", help="Instead of one scenario the board: every system's."),
    ] = False,
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
    contender), manifest.json and pictures of the scores and of the loss over time. With --board
    every system's default scenario is played, by its costs alone and with real training, and mnist
    by its costs, by the agents that come with edgegym, the planners and every --agent that fits;
    board.csv and board.md hold all of it.
    """
    require_alone(resume, context, also_free={"board"})
    if board:
        from edgegym.cli.board import evaluate_board, require_for_board

        require_for_board(context)
        agents = find_agents(agent or [], algo, rounds_per_step, env_argument, wrapper)
        return evaluate_board(
            list(range(seed, seed + seeds)),
            agents,
            out=out,
            resume=resume,
            as_json=as_json,
            jobs=jobs,
            backend=backend,
            device=device,
            data_dir=data_dir,
        )
    if resume:
        begun, plan = load_manifest(resume, "evaluate"), None
    else:
        checked = read_scenario(scenario, changes, system)
        agents = find_agents(agent or [], algo, rounds_per_step, env_argument, wrapper)
        begun, plan = enter(
            checked,
            fidelity,
            list(range(seed, seed + seeds)),
            agents,
            only=only,
            calibrated=calibrated,
            grid=grid,
        )
    run_dir = resume or out or new_run_dir("evaluate", begun.scenario["name"])
    done = carry_out(
        begun, plan, run_dir, jobs=jobs, backend=backend, device=device, data_dir=data_dir
    )
    from edgegym.cli.leaderboard import report  # what it imports would keep the workers waiting

    report(run_dir, *done, as_json)
