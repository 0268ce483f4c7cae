"""`edgegym run`: one episode under a plan file, a scheme or a saved agent."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgegym.cli.agents import agent_contender, find_agents, warn_of_code
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    MethodName,
    ScenarioName,
    SchemeName,
    Seed,
    SystemName,
    read_scenario,
)
from edgegym.cli.printing import print_json, print_lines, progress_console
from edgegym.cli.runs import Algo, EnvArguments, RoundsPerStep, Wrappers
from edgegym.errors import InputError
from edgegym.runs.designs import find_plan, require_a_round
from edgegym.runs.files import write_whole
from edgegym.runs.manifest import AgentFile
from edgegym.runs.players import Contender, plan_contender
from edgegym.systems.plan_file import load_plan
from edgegym.systems.system import system_of


def run(
    scenario: ScenarioName = None,
    system: SystemName = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A file that `edgegym plan --out FILE` wrote.")
    ] = None,
    agent: Annotated[
        Path | None,
        typer.Option(
            "--agent",
            metavar="FILE",
            help="What `edgegym train` wrote, shipped:NAME, SB3's own with --algo, or "
            "MODULE:FUNCTION.",
        ),
    ] = None,
    algo: Algo = None,
    rounds_per_step: RoundsPerStep = None,
    env_argument: EnvArguments = None,
    wrapper: Wrappers = None,
    scheme: SchemeName = None,
    method: MethodName = "exact",
    grid: Grid = 6,
    fidelity: Annotated[str, typer.Option("--fidelity", help="train, curve or bound")] = "train",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the rounds to this CSV file.")
    ] = None,
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Play one episode: a saved agent or the plan of a file where one is given, else a scheme's."""
    from edgegym.runs.play import open_env, play

    checked = read_scenario(scenario, changes, system)
    told = algo, rounds_per_step, env_argument, wrapper
    agents = find_agents([agent] if agent else [], *told)
    if agents:
        require_a_round(checked)
    player = _agent(agents) if agents else _plan(checked, plan, scheme, method, grid)
    env = open_env(checked, fidelity=fidelity, device=device, data_dir=data_dir, **player.arguments)
    with progress_console.status("Playing"):
        episode = play(env, player.make_policy(env), seed)
    if out is not None:
        import pandas as pd

        write_whole(out, pd.DataFrame(episode.rounds).to_csv(index=False))
    if as_json:
        devices = {"devices": episode.devices} if episode.devices else {}
        return print_json({"scenario": checked.name, "seed": seed, **episode.final, **devices})
    print_lines(episode.final, ".6g")


def _agent(agents: dict[str, AgentFile]) -> Contender:
    warn_of_code(agents.values())
    return agent_contender(next(iter(agents.values())))


def _plan(
    scenario: Any, path: Path | None, scheme: str | None, method: str, grid: int
) -> Contender:
    if path is not None:
        kind = system_of(scenario)
        chosen = load_plan(kind.plan, path)
        try:
            kind.evaluate(chosen, scenario)
        except InputError as error:  # made for others
            raise InputError(f"in plan file {str(path)!r}, {error}") from None
        return plan_contender("plan", chosen)
    return plan_contender("plan", find_plan(scenario, scheme, method, grid))
