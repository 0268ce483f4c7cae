"""Who enters `edgegym evaluate` beside agents: policies, and what is planned ahead of time."""

from collections.abc import Callable
from functools import partial
from typing import Any

from edgegym.errors import InputError, unknown_name
from edgegym.runs.designs import GRID, plan_design, require_a_plan, require_a_round
from edgegym.runs.manifest import AgentFile, Design, Manifest, make_manifest
from edgegym.runs.players import RANDOM
from edgegym.scenario.channel import mean_channel
from edgegym.scenario.document import shipped_scenarios
from edgegym.systems.load import load_scenario
from edgegym.systems.system import System, system_of
from edgegym.systems.two_stage.constants import with_constants
from edgegym.systems.two_stage.scenario import Scenario


def measured_constants(scenario: Any, calibrated: str | None) -> Scenario | None:
    """Load the scenario whose constants of (34) were measured, if there is one."""
    if not isinstance(scenario, Scenario):
        return None
    shipped = f"{scenario.name}-effective"
    if calibrated is None and shipped not in shipped_scenarios():
        return None
    return load_scenario(calibrated or shipped)


def everyone_of(system: System) -> list[str]:
    """Name who can take part beside agents: what decides as it goes, and what is planned ahead."""
    return [RANDOM, *system.policies, *system.entrants]


def choose(only: str | None, scenario: Any, is_measured: bool) -> list[str]:
    """Name who takes part beside the agents; without measured constants nothing is calibrated.

    Who is not asked for by name, and cannot be planned in this scenario, is left out.

    Raises
    ------
    InputError
        If a name is unknown, or asks for constants that are not there.
    """
    everyone = everyone_of(system_of(scenario))
    names = [name.strip() for name in only.split(",")] if only else everyone
    if unknown := set(names) - set(everyone):
        raise unknown_name("--only", min(unknown), everyone)
    if not is_measured and only and "calibrated" in names:
        raise InputError(
            "--calibrated must name a scenario with measured constants; got nothing, and "
            f"'{scenario.name}-effective' is not shipped. Give one, or leave calibrated out."
        )
    if only is None:
        system = system_of(scenario)
        names = [RANDOM, *(p for p in system.policies if system.can_plan(scenario, p))]
        names += system.entrants_of(scenario)
    return [n for n in everyone if n in names and (is_measured or n != "calibrated")]


def enter(
    scenario: Any,
    fidelity: str,
    seeds: list[int],
    agents: dict[str, AgentFile],
    *,
    only: str | None = None,
    calibrated: str | None = None,
    grid: int = GRID,
) -> tuple[Manifest, Callable[[], dict[str, Design]]]:
    """Begin a run in which agents meet planners and policies.

    Parameters
    ----------
    scenario, fidelity, seeds : what is played
    agents : saved ones, by their labels
    only : names of the others, with commas between; else all that can take part
    calibrated : a scenario with measured constants, if not the shipped one
    grid : of Algorithm 1

    Returns
    -------
    Its manifest without designs, and what plans them
    """
    measured = measured_constants(scenario, calibrated)
    names = choose(only, scenario, measured is not None)
    begun = make_manifest(
        scenario,
        seeds,
        designs={},
        job="evaluate",
        fidelity=fidelity,
        policies=[name for name in names if name not in system_of(scenario).entrants],
        agents=agents,
    )
    return begun, partial(plan_entrants, scenario, names, measured, grid)


def plan_entrants(
    scenario: Any, names: list[str], measured: Scenario | None, grid: int
) -> dict[str, Design]:
    """Plan those of them that are planned ahead, for the mean channel where it fades.

    Raises
    ------
    InputError
        If the budgets allow none of them, or where nobody is planned no round.
    """
    ahead, entrants = mean_channel(scenario), system_of(scenario).entrants
    believed = {"calibrated": with_constants(ahead, measured)} if measured is not None else {}
    designs = {
        name: plan_design(believed.get(name, ahead), *entrants[name], grid)
        for name in names
        if name in entrants
    }
    require_a_plan(designs)
    if not designs:
        require_a_round(scenario)
    return designs
