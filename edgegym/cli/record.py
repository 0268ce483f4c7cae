"""`edgegym record`: episodes of a planner, an agent or a random policy as a Minari data set."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from edgegym.cli.agents import agent_contender, find_agents, read_arguments, warn_of_code
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
from edgegym.cli.printing import print_json, print_lines
from edgegym.cli.progress import counting
from edgegym.cli.runs import Algo, RoundsPerStep, Wrappers
from edgegym.errors import InputError
from edgegym.runs.designs import find_plan, require_a_round
from edgegym.runs.players import RANDOM, Contender, plan_contender, policy_contender


def record(
    scenario: ScenarioName = None,
    system: SystemName = None,
    agent: Annotated[
        Path | None,
        typer.Option("--agent", metavar="FILE", help="An agent, as `edgegym run` takes it."),
    ] = None,
    algo: Algo = None,
    rounds_per_step: RoundsPerStep = None,
    env_argument: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="KEY=VALUE",
            help="budgets, reward or rounds_per_step of the environment; repeat for more.",
        ),
    ] = None,
    wrapper: Wrappers = None,
    random: Annotated[bool, typer.Option("--random", help="Draw every action evenly.")] = False,
    scheme: SchemeName = None,
    method: MethodName = "exact",
    grid: Grid = 6,
    fidelity: Annotated[str, typer.Option("--fidelity", help="train, curve or bound")] = "train",
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="How many.")] = 10,
    dataset_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Of the data set; else edgegym/SCENARIO/WHO-v0."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder of data sets; else Minari's own."),
    ] = None,
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write episodes of a planner, of an agent or of random actions as a Minari data set.

    The data set holds the environment as well: `recover_environment()` makes it again, and the
    seed and the actions of an episode give the same episode.
    """
    from edgegym.runs.recording import record, require_minari

    require_minari()
    checked = read_scenario(scenario, changes, system)
    require_a_round(checked)
    if agent is not None:
        told = algo, rounds_per_step, env_argument, wrapper
        player = _agent(agent, *told, is_alone=not (random or scheme))
        own: dict[str, Any] = {}
    else:
        own = read_arguments(env_argument) | (
            {"rounds_per_step": rounds_per_step} if rounds_per_step else {}
        )
        player = _planned_or_random(checked, random, scheme, method, grid, own, algo, wrapper)
    name = dataset_id or f"edgegym/{_plain(checked.name)}/{_plain(player.name)}-v0"
    with counting("Playing") as on_progress:
        folder, played = record(
            checked,
            player.make_policy,
            range(seed, seed + episodes),
            name,
            out=out,
            who=player.name,
            on_progress=on_progress,
            fidelity=fidelity,
            device=device,
            data_dir=data_dir,
            **player.arguments,
            **own,
        )
    figures = {
        "dataset": name,
        "episodes": len(played),
        "mean_return": sum(float(e.final["return"] or 0) for e in played) / len(played),
        "folder": str(folder),
    }
    if as_json:
        return print_json({"scenario": checked.name, "player": player.name, **figures})
    print_lines(figures, ".6g")


def _agent(path: Path, *told: Any, is_alone: bool) -> Contender:
    if not is_alone:
        raise InputError(
            "--agent must stand without --random and --scheme, as one plays; got both. Choose one."
        )
    agents = find_agents([path], *told)
    warn_of_code(agents.values())
    return agent_contender(next(iter(agents.values())))


def _planned_or_random(
    scenario: Any,
    random: bool,
    scheme: str | None,
    method: str,
    grid: int,
    own: dict[str, Any],
    algo: str | None,
    wrappers: list[str] | None,
) -> Contender:
    if algo or wrappers:
        raise InputError(
            f"{'--algo' if algo else '--wrapper'} must stand beside an --agent; got none. "
            "Leave it out."
        )
    if random and scheme:
        raise InputError(
            "--random must stand without --scheme, as one plays; got both. Choose one."
        )
    if random:
        return policy_contender(RANDOM)
    if own.get("rounds_per_step", 1) != 1:
        raise InputError(
            "rounds_per_step must be 1 for a plan, which decides every round; got "
            f"{own['rounds_per_step']}. Leave it out."
        )
    plan = find_plan(scenario, scheme, method, grid)
    return plan_contender(f"{scheme}-{method}" if scheme else method, plan)


def _plain(name: str) -> str:
    """Write a name in signs that the name of a data set may have."""
    return re.sub(r"[^\w-]+", "-", name)
