"""The exact planner beside Algorithm 1 on the same scenario, with both bounds."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import baselines
from edgegym.bench.timing import seconds
from edgegym.errors import InputError
from edgegym.systems.two_stage.scenario import Scenario


def planner_rows(
    scenario: Scenario,
    numbers: Sequence[int],
    *,
    grid: int,
    repeats: int,
    on_progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time both planners at these numbers of devices.

    Parameters
    ----------
    scenario : whose devices' values are taken in turn
    numbers : of devices
    grid : points on each axis of Algorithm 1's first grid
    repeats : warm exact plans, of which the median counts
    on_progress : called with what is timed next

    Raises
    ------
    InputError
        If no plan fits the budgets.
    """
    rows = []
    for n_devices in numbers:
        on_progress(f"{scenario.name}, K = {n_devices}")
        rows.append(_row(scenario.replace(n_devices=n_devices), grid, repeats))
    return rows


def _row(scenario: Scenario, grid: int, repeats: int) -> dict[str, Any]:
    from baselines.two_stage.algorithm1 import solve_algorithm1, solve_cells
    from baselines.two_stage.exact import solve_relaxation

    scheme, planned = baselines.SCHEMES["joint"], baselines.plan(scenario)
    if planned.plan is None:
        raise InputError(planned.message)
    cell = (planned.plan.n_pretrain_rounds, planned.plan.n_finetune_rounds)
    cold_s = _median_s(lambda: solve_relaxation(scenario, scheme), 5)
    warm_s = _median_s(lambda: baselines.plan(scenario), repeats)
    found = []
    grid_s = seconds(lambda: found.append(solve_algorithm1(scenario, scheme, grid)))
    (best,) = found
    assert best is not None
    cell_s = _median_s(lambda: solve_cells(scenario, scheme, [cell]), 3)
    n_cells = scenario.max_pretrain_rounds * scenario.max_finetune_rounds
    return {
        "scenario": scenario.name,
        "n_devices": scenario.n_devices,
        "exact_cold_ms": 1e3 * cold_s,
        "exact_warm_ms": 1e3 * warm_s,
        "algorithm1_grid_s": grid_s,
        "algorithm1_full_grid_days": cell_s * n_cells / 86_400,
        "exact_bound": planned.relaxed_bound,
        "algorithm1_bound": best.gradient_norm_bound,
        "gap": planned.gap,
        "grid_time_ratio": grid_s / warm_s,
    }


def _median_s(call: Callable[[], object], repeats: int) -> float:
    return median(seconds(call) for _ in range(repeats))
