"""Designs: what is planned ahead of time, and in which scenario."""

import json
from collections.abc import Mapping

import numpy as np

from edgegym.errors import InputError
from edgegym.runs.manifest import Design
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: The constants of (34) that a calibration measures.
CONSTANTS = (
    "pretrain_smoothness",
    "finetune_smoothness",
    "pretrain_gradient_variance",
    "finetune_gradient_variance",
    "initial_loss_gap",
    "data_lipschitz",
    "distribution_distance",
)
#: The paper's benchmark schemes, each at its certified best: scheme and method of a design.
BENCHMARKS = {
    name: (name, "exact")
    for name in ("fixed-power", "fixed-clock", "fixed-batch", "pretrain-only", "finetune-only")
}
#: Rows of `edgegym compare`: the joint design by Algorithm 1 and by the exact planner, and the
#: benchmarks.
COMPARED = {
    "joint-algorithm1": ("joint", "sca"),
    "joint-exact": ("joint", "exact"),
    **BENCHMARKS,
}


def plan_design(
    scenario: Scenario,
    scheme: str,
    method: str,
    grid: int,
    changes: Mapping[str, float] | None = None,
) -> Design:
    """Plan one row of the table, in a scenario with these changes."""
    import baselines

    changed = scenario.replace(**changes or {})
    result = baselines.plan(changed, scheme=scheme, method=method, grid=grid)
    return Design(
        scheme=scheme,
        method=method,
        status=result.status,
        message=result.message,
        plan=json.loads(result.plan.to_json()) if result.plan else None,
        changes=dict(changes or {}),
    )


def plan_designs(
    scenario: Scenario, designs: Mapping[str, tuple[str, str]], grid: int
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
    scenario: Scenario, scheme: str = "joint", method: str = "exact", grid: int = 6
) -> Plan:
    """Plan a scenario that must have one.

    Raises
    ------
    InputError
        Saying which budget is too small, if nothing fits.
    """
    import baselines

    result = baselines.plan(scenario, scheme=scheme, method=method, grid=grid)
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


def require_a_round(scenario: Scenario) -> None:
    """Refuse budgets in which no round of either stage fits, where nothing is planned ahead.

    Raises
    ------
    InputError
        Saying which budget is too small, on the mean channel where it fades.
    """
    from baselines import SCHEMES
    from baselines.two_stage.feasibility import explain_infeasibility, usable_stages

    ahead, joint = mean_channel(scenario), SCHEMES["joint"]
    usable = usable_stages(ahead, joint)
    if not (usable.pretrains or usable.finetunes):
        raise InputError(explain_infeasibility(ahead, joint))


def mean_channel(scenario: Scenario) -> Scenario:
    """Give what can be planned ahead of time: where the gains are drawn anew, their mean.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> mean_channel(fading).uplink_gain.tolist()
    [1e-05, 1e-05, 1e-05]
    """
    if scenario.channel_mode == "fixed":
        return scenario
    mean = np.full(scenario.n_devices, scenario.mean_path_gain).tolist()
    return scenario.replace(uplink_gain=mean, downlink_gain=mean)


def with_constants(scenario: Scenario, measured: Scenario) -> Scenario:
    """Take the constants of (34) from another scenario and leave the rest.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> mixed = with_constants(load_scenario("digits"), load_scenario("mnist"))
    >>> mixed.finetune_gradient_variance, mixed.delay_budget_s
    (100.0, 100.0)
    """
    return scenario.replace(**{key: getattr(measured, key) for key in CONSTANTS})
