"""One door to every planner: a scenario, a scheme and a method in, a graded plan out."""

import math
from dataclasses import dataclass

from baselines.box import whole_box
from baselines.feasibility import explain_infeasibility, usable_stages
from baselines.relaxation import Relaxation, relax
from baselines.rounding import as_plan, round_near
from baselines.schemes import Scheme, find_scheme
from baselines.search import Search, search
from baselines.workload import workload
from edgegym.errors import unknown_name
from edgegym.two_stage.bound import bound_terms
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario

METHODS = ("exact", "sca")
GRID_POINTS = 6

#: Gap between the relaxed optimum and what its prices prove, above which a result says so.
CERTIFIED = 1e-4


@dataclass(frozen=True)
class PlanResult:
    """A plan and its certificate; `plan` is None where no plan fits, and `message` says why."""

    scheme: str
    method: str
    status: str  # "optimal", "inaccurate" or "infeasible"
    plan: Plan | None
    gradient_norm_bound: float
    relaxed_bound: float  # no plan is below, not even one with real rounds and batches
    proven_bound: float  # no integer plan is below
    message: str
    relaxed: Relaxation | None = None

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
    design = find_scheme(scheme)
    found = search(scenario, design) if method == "exact" else _algorithm1(scenario, design, grid)
    if found.rounded is None or found.relaxed is None:
        reason = explain_infeasibility(scenario, design)
        return PlanResult(scheme, method, "infeasible", None, math.inf, math.inf, math.inf, reason)
    certified = found.relaxed.gap <= CERTIFIED
    return PlanResult(
        scheme=scheme,
        method=method,
        status="optimal" if certified else "inaccurate",
        plan=as_plan(scenario, found.rounded),
        gradient_norm_bound=found.rounded.gradient_norm_bound,
        relaxed_bound=found.relaxed.lower_bound,
        proven_bound=found.proven_bound,
        message="The relaxed bound is certified."
        if certified
        else "The solver stopped short of full accuracy: the gap carries few digits.",
        relaxed=found.relaxed,
    )


def _algorithm1(scenario: Scenario, scheme: Scheme, grid: int) -> Search:
    """Round what Algorithm 1 found; the relaxation is there for the certificate alone."""
    from baselines.algorithm1 import solve_algorithm1

    design = usable_stages(scenario, scheme)
    relaxed = relax(scenario, scheme)
    if relaxed is None or not (design.pretrains or design.finetunes):
        return Search(None, None, math.inf)
    found = solve_algorithm1(scenario, design, grid)
    work, terms, box = workload(scenario), bound_terms(scenario), whole_box(scenario, scheme)
    rounded = found and round_near(scenario, scheme, work, terms, box, found)
    return Search(relaxed, rounded, relaxed.lower_bound)
