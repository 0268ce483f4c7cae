"""Designs: what is planned ahead of time, and in which scenario."""

import json
from collections.abc import Mapping
from typing import Any

from edgegym.errors import InputError
from edgegym.runs.manifest import Design
from edgegym.scenario.channel import mean_channel

#: Points on each axis of Algorithm 1's first grid.
GRID = 6


def only_for(method: str, grid: int) -> dict[str, int]:
    """Name the grid for Algorithm 1, which alone searches one."""
    return {"grid": grid} if method == "sca" else {}


def plan_design(
    scenario: Any,
    scheme: str,
    method: str,
    grid: int,
    changes: Mapping[str, float] | None = None,
) -> Design:
    """Plan one row of the table, in a scenario with these changes."""
    import baselines

    changed = scenario.replace(**changes or {})
    result = baselines.plan(changed, scheme, method, **only_for(method, grid))
    return Design(
        scheme=scheme,
        method=method,
        status=result.status,
        message=result.message,
        plan=json.loads(result.plan.to_json()) if result.plan else None,
        changes=dict(changes or {}),
    )


def plan_designs(
    scenario: Any, designs: Mapping[str, tuple[str, str]], grid: int
) -> dict[str, Design]:
    """Plan rows of a table, each with its scheme and method.

    Raises
    ------
    InputError
        If the budgets allow none of them.
    """
    planned = {name: plan_design(scenario, *how, grid) for name, how in designs.items()}
    require_a_plan(planned)
    return planned


def find_plan(
    scenario: Any, scheme: str | None = None, method: str = "exact", grid: int = GRID
) -> Any:
    """Plan a scenario that must have one.

    Raises
    ------
    InputError
        Saying which budget is too small, if nothing fits.
    """
    import baselines

    result = baselines.plan(scenario, scheme, method, **only_for(method, grid))
    if result.plan is None:
        raise InputError(result.message)
    return result.plan


def require_a_plan(designs: dict[str, Design]) -> None:
    """Refuse budgets that allow none of the designs.

    Raises
    ------
    InputError
        With what is said of the first one.
    """
    if designs and all(design.plan is None for design in designs.values()):
        raise InputError(next(iter(designs.values())).message)


def require_a_round(scenario: Any) -> None:
    """Refuse budgets in which no round fits, where nothing is planned ahead.

    Raises
    ------
    InputError
        Saying which budget is too small, on the mean channel where it fades.
    """
    find_plan(mean_channel(scenario))
