"""One door to the planners of all systems."""

import inspect
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from edgegym.errors import unknown_name
from edgegym.systems.system import imported, system_of


def plan(scenario: Any, scheme: str | None = None, method: str = "exact", **options: Any) -> Any:
    """Plan every round ahead of time, with the planner of the scenario's system.

    Parameters
    ----------
    scenario : what is planned, of any system
    scheme : what is frozen, as the system names it; its best where none is named, as joint
    method : how it is planned, as the system names it
    options : further ones of its planner, such as `grid` and `rounding` of the two-stage system

    Returns
    -------
    The planner's result: `plan`, None where nothing fits, `status`, `message` and its certificate

    Raises
    ------
    InputError
        If there is no such scheme, method or option.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> plan(load_scenario("mnist")).plan.n_finetune_rounds
    1365
    >>> plan(load_scenario("partitioned-digits"), "equal").plan.block_size.tolist()
    [1570, 1570, 1570, 1570, 1570]
    """
    system = system_of(scenario)
    planner = imported(system.planner)
    valid = list(inspect.signature(planner).parameters)
    if unknown := [name for name in options if name not in valid]:
        raise unknown_name(f"option of the planner of system {system.name!r}", unknown[0], valid)
    return planner(scenario, system.best_scheme if scheme is None else scheme, method, **options)


def plan_many(
    scenario: Any,
    schemes: Sequence[str | None] = (None,),
    method: str = "exact",
    **sweep: Sequence[Any],
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Plan a sweep: every scheme at every combination of the given values.

    Parameters
    ----------
    scenario, schemes, method : as for `plan`
    sweep : scenario keys and the values they take, such as `delay_budget_s=[500, 1000]`,
        `distribution_distance=[0, 1]` or `n_devices=[3, 30]`

    Yields
    ------
    The values and the result, the last key running fastest and the schemes within it

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> for changed, result in plan_many(load_scenario("mnist"), delay_budget_s=[500, 1000]):
    ...     print(changed, round(result.gradient_norm_bound, 3))
    {'delay_budget_s': 500} 0.403
    {'delay_budget_s': 1000} 0.305
    """
    for values in product(*sweep.values()):
        changes = dict(zip(sweep, values, strict=True))
        changed = scenario.replace(**changes)
        for scheme in schemes:
            yield changes, plan(changed, scheme, method)
