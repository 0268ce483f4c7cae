"""One door to every planner: a scenario, a scheme and a method in, a graded plan out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from baselines.algorithm1 import solve_algorithm1
from baselines.exact import Relaxation, solve_relaxation
from baselines.feasibility import explain_infeasibility, usable_stages
from baselines.rounding import round_batches
from baselines.schemes import Scheme, find_scheme
from edgegym.errors import unknown_name
from edgegym.two_stage.bound import bound_terms
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario

METHODS = ("exact", "sca")
GRID_POINTS = 6


@dataclass(frozen=True)
class PlanResult:
    """A plan and its certificate; `plan` is None where no plan fits, and `message` says why."""

    scheme: str
    method: str
    status: str  # "optimal", "inaccurate" or "infeasible"
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
    PlanResult, with status "infeasible" and no plan where the budgets allow no round, and
    "inaccurate" where the solver could not certify the relaxed bound

    Raises
    ------
    InputError
        If there is no such scheme or method.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> result = plan(load_scenario("mnist"))
    >>> result.status, result.plan.n_pretrain_rounds, result.plan.n_finetune_rounds
    ('optimal', 1000, 1365)
    >>> result.gap < 1e-3
    True
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    wanted = find_scheme(scheme)
    design = usable_stages(scenario, wanted)
    if not (design.pretrains or design.finetunes):
        reason = explain_infeasibility(scenario, wanted)
        return PlanResult(scheme, method, "infeasible", None, math.inf, math.inf, reason)
    relaxed = solve_relaxation(scenario, design) or one_round(scenario, design)
    if method == "exact":
        starts = list(_integer_neighbours(scenario, design, relaxed))
    else:
        starts = [solve_algorithm1(scenario, design, grid)]
    # One round always fits, whatever became of the others.
    starts.append(one_round(scenario, design))
    rounded = (_round(scenario, design, start) for start in starts if start)
    bound, best_plan = min(filter(None, rounded), key=lambda found: found[0])
    status, message = "optimal", "The relaxed bound is certified."
    if not relaxed.certified:
        status = "inaccurate"
        message = "The solver stopped short of full accuracy: the gap carries few digits."
    return PlanResult(
        scheme, method, status, best_plan, bound, relaxed.gradient_norm_bound, message
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


def one_round(scenario: Scenario, scheme: Scheme) -> Relaxation:
    """Stand in for a solver that gives up where hardly a round fits: one round of single samples.

    Its bound is below that of every plan, but no certificate: all rounds, and no noise.
    """
    m, n = (1, 0) if scheme.pretrains else (0, 1)
    most = (
        scenario.max_pretrain_rounds * scheme.pretrains
        + scenario.max_finetune_rounds * scheme.finetunes
    )
    return Relaxation(
        gradient_norm_bound=bound_terms(scenario).start / most,
        certified=False,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=1.0,
        finetune_batch_size=np.ones(scenario.n_devices),
    )


def _integer_neighbours(
    scenario: Scenario, scheme: Scheme, relaxed: Relaxation
) -> Iterator[Relaxation | None]:
    """Solve again at the integer rounds around the optimum."""

    def around(value: float, limit: int) -> set[int]:
        # The solver's digits must not turn 999.9999 rounds into 999.
        return {min(math.floor(value + 1e-3) + step, limit) for step in (0, 1)}

    pretrain = around(relaxed.n_pretrain_rounds, scenario.max_pretrain_rounds * scheme.pretrains)
    finetune = around(relaxed.n_finetune_rounds, scenario.max_finetune_rounds * scheme.finetunes)
    for m, n in sorted(product(pretrain, finetune)):
        if m + n > 0:
            yield solve_relaxation(scenario, scheme, n_pretrain_rounds=m, n_finetune_rounds=n)
