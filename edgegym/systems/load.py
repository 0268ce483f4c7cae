"""Scenarios of any system: by name, from a file, as plain data, or as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgegym.errors import InputError
from edgegym.scenario.document import parse_text, scenario_text
from edgegym.systems.system import System, find_system, system_of

#: What a scenario file that names no system is of: files of before there were others.
FIRST_SYSTEM = "two-stage"


def load_scenario(
    scenario: str | Path | Mapping[str, Any] | Any, system: System | None = None
) -> Any:
    """Load a shipped scenario by name or any scenario from a TOML file.

    Plain data, as `model_dump(mode="json")` gives it, and what is a scenario already are taken as
    well, the first only where it is known of which system.

    Parameters
    ----------
    scenario : a name, a path, plain data or a scenario
    system : which one it must be of

    Raises
    ------
    InputError
        If it does not exist, is not TOML, breaks a rule, or is of another system.

    Examples
    --------
    >>> load_scenario("mnist").server_clock_limit_hz
    1600000000.0
    """
    if isinstance(scenario, Mapping):
        kind = find_system(FIRST_SYSTEM) if system is None else system
        return kind.scenario.parse(scenario, where="the scenario argument")
    if isinstance(scenario, str | Path) or not hasattr(scenario, "delay_budget_s"):
        data = parse_text(scenario_text(scenario), scenario)
        kind = find_system(data.pop("system", FIRST_SYSTEM))
        _require(system, kind, repr(str(scenario)))
        return kind.scenario.parse(data, where=f"scenario {str(scenario)!r}")
    _require(system, system_of(scenario), repr(scenario.name))
    return scenario


def _require(system: System | None, got: System, scenario: str) -> None:
    if system is not None and got.name != system.name:
        raise InputError(
            f"scenario must be of system {system.name!r}; got {scenario}, of system {got.name!r}. "
            f"Use gym.make({got.env_id!r}), or another scenario."
        )
