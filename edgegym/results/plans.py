"""One plan as figures."""

from typing import Any

from edgegym.systems.system import system_of


def describe(scenario: Any, result: Any, seconds: float) -> dict[str, Any]:
    """Collect what `--json` promises; without a plan its values are None.

    Parameters
    ----------
    scenario, result : what was planned, and what its planner handed back
    seconds : that planning took

    Examples
    --------
    >>> from baselines import plan
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("partitioned-digits")
    >>> described = describe(scenario, plan(scenario), 0.01)
    >>> described["system"], described["status"], described["violations"]
    ('partitioned', 'optimal', {})
    """
    system = system_of(scenario)
    head = {
        "scenario": scenario.name,
        "system": system.name,
        "scheme": result.scheme,
        "method": result.method,
        "status": result.status,
        "message": result.message,
        "remarks": system.remarks(scenario),
    }
    graded = _graded(scenario, result.plan)
    return head | system.describe(result.plan) | result.figures | {"seconds": seconds} | graded


def _graded(scenario: Any, plan: Any) -> dict[str, Any]:
    if plan is None:
        return {"total_delay_s": None, "total_energy_j": None, "violations": None}
    outcome = system_of(scenario).evaluate(plan, scenario)
    return {
        "total_delay_s": outcome.total_delay_s,
        "total_energy_j": outcome.total_energy_j,
        "violations": outcome.violations,
    }
