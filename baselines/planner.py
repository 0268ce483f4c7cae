"""One door to every planner: a scenario, a scheme and a method in, a graded plan out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from baselines.algorithm1 import solve_algorithm1
from baselines.exact import Relaxation, solve_relaxation
from baselines.rounding import round_batches
from baselines.schemes import Scheme, find_scheme
from baselines.times import cheapest_times
from edgegym.errors import unknown_name
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario

METHODS = ("exact", "sca")
GRID_POINTS = 6


@dataclass(frozen=True)
class PlanResult:
    """A plan and its certificate; `plan` is None where no plan fits, and `message` says why."""

    scheme: str
    method: str
    status: str  # "optimal" or "infeasible"
    plan: Plan | None
    gradient_norm_bound: float
    relaxed_bound: float
    message: str

    @property
    def gap(self) -> float:
        """How far the plan can be from the best feasible integer plan, relative."""
        return (self.gradient_norm_bound - self.relaxed_bound) / self.relaxed_bound


def plan(
    scenario: Scenario, scheme: str = "joint", method: str = "exact", grid: int = GRID_POINTS
) -> PlanResult:
    """Plan every round of both stages ahead of time.

    Parameters
    ----------
    scenario : what is planned; its fixed gains are used
    scheme : joint, fixed-power, fixed-clock, fixed-batch, pretrain-only or finetune-only
    method : "exact", the global optimum of the relaxation rounded, or "sca", Algorithm 1
    grid : points on each axis of Algorithm 1's first grid over (M, N)

    Returns
    -------
    PlanResult, with status "infeasible" and no plan where the budgets allow no round

    Raises
    ------
    InputError
        If there is no such scheme or method.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> result = plan(load_scenario("mnist"))
    >>> result.status, result.plan.n_pretrain_rounds, result.plan.n_finetune_rounds
    ('optimal', 1000, 1364)
    >>> result.gap < 1e-3
    True
    """
    design = find_scheme(scheme)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    relaxed = solve_relaxation(scenario, design)
    best = None
    if relaxed is not None:
        starts = (
            _integer_neighbours(scenario, design, relaxed)
            if method == "exact"
            else filter(None, [solve_algorithm1(scenario, design, grid)])
        )
        rounded = (_round(scenario, design, start) for start in starts)
        best = min(filter(None, rounded), key=lambda found: found[0], default=None)
    if relaxed is None or best is None:
        reason = infeasibility(scenario, design)
        return PlanResult(scheme, method, "infeasible", None, math.inf, math.inf, reason)
    bound, best_plan = best
    return PlanResult(
        scheme, method, "optimal", best_plan, bound, relaxed.gradient_norm_bound, "optimal"
    )


def _round(scenario: Scenario, scheme: Scheme, start: Relaxation) -> tuple[float, Plan] | None:
    return round_batches(
        scenario,
        scheme,
        n_pretrain_rounds=round(start.n_pretrain_rounds),
        n_finetune_rounds=round(start.n_finetune_rounds),
        pretrain_batch_size=start.pretrain_batch_size,
        finetune_batch_size=start.finetune_batch_size,
    )


def _integer_neighbours(
    scenario: Scenario, scheme: Scheme, relaxed: Relaxation
) -> Iterator[Relaxation]:
    """Solve again at the integer rounds around the optimum."""

    def around(value: float, limit: int) -> set[int]:
        # The solver's digits must not turn 999.9999 rounds into 999.
        return {min(max(math.floor(value + 1e-3) + step, 0), limit) for step in (0, 1)}

    pretrain = around(relaxed.n_pretrain_rounds, scenario.max_pretrain_rounds * scheme.pretrains)
    finetune = around(relaxed.n_finetune_rounds, scenario.max_finetune_rounds * scheme.finetunes)
    for m, n in sorted(product(pretrain, finetune)):
        if m + n and (
            found := solve_relaxation(scenario, scheme, n_pretrain_rounds=m, n_finetune_rounds=n)
        ):
            yield found


def infeasibility(scenario: Scenario, scheme: Scheme) -> str:
    """Say in one sentence which budget allows not one round, and the least that would do."""
    stages = [(1, 0)] * scheme.pretrains + [(0, 1)] * scheme.finetunes
    if scheme.fixed_batch:
        server, devices = scenario.pretrain_batch_size_limit, scenario.finetune_batch_size_limit
    else:
        server, devices = 1, np.ones(scenario.n_devices)

    def least_energy_j(delay_s: float, stage: tuple[int, int]) -> float:
        times = cheapest_times(
            scenario,
            scheme,
            n_pretrain_rounds=stage[0],
            n_finetune_rounds=stage[1],
            pretrain_batch_size=server,
            finetune_batch_size=devices,
            delay_budget_s=delay_s,
        )
        return float(times.energy_j)

    def least_delay_s(stage: tuple[int, int]) -> float:
        """Bisect on the logarithm of the delay, in which the least energy falls."""
        low, high = scenario.delay_budget_s, scenario.delay_budget_s * 1e9
        if least_energy_j(high, stage) > scenario.energy_budget_j:
            return math.inf
        while high / low > 1 + 1e-6:
            middle = math.sqrt(low * high)
            fits = least_energy_j(middle, stage) <= scenario.energy_budget_j
            low, high = (low, middle) if fits else (middle, high)
        return high

    least = {
        "delay_budget_s": min(least_delay_s(stage) for stage in stages),
        "energy_budget_j": min(least_energy_j(scenario.delay_budget_s, stage) for stage in stages),
    }
    remedies = [f"{key} = {value:.4g}" for key, value in least.items() if math.isfinite(value)]
    remedy = f"Set {' or '.join(remedies)}" if remedies else "Raise both"
    return (
        f"delay_budget_s and energy_budget_j must allow one round of scheme {scheme.name}; got "
        f"{scenario.delay_budget_s:g} s and {scenario.energy_budget_j:g} J. {remedy} at least."
    )
