"""One door to the planners of partitioned edge learning (PABA-style)."""

from collections.abc import Callable
from typing import NamedTuple

from baselines.partitioned.closed_form import NEEDS, closed_form, has_closed_form
from baselines.partitioned.joint import plan_jointly
from baselines.partitioned.one_sided import (
    Allocation,
    equal_blocks,
    plan_blocks,
    plan_in_turn,
    plan_shares,
    proportional_blocks,
)
from baselines.partitioned.problem import Problem, as_problem
from baselines.result import Result, no_round_fits
from edgegym.errors import InputError, unknown_name
from edgegym.lifecycle.parts import largest_remainder
from edgegym.physics import Array, Numbers
from edgegym.systems.partitioned.plan import PartitionedPlan
from edgegym.systems.partitioned.referee import evaluate
from edgegym.systems.partitioned.scenario import PartitionedScenario

#: Schemes and what each leaves alone.
SCHEMES = {
    "equal": "equal blocks and equal shares",
    "proportional": "blocks in proportion to speed, and equal shares",
    "bapa": "equal shares, and blocks planned for them",
    "paba": "equal blocks, and shares planned for them",
    "paba-proportional": "blocks in proportion to speed, and shares planned for them",
    "joint": "nothing",
}
METHODS = ("exact", "in-turn", "closed-form")

#: Gap between what was found and what is proven, above which a result says so.
CERTIFIED = 1e-4
#: Rounding of a sum, which a lower bound stays below.
ROUNDING = 1e-12

PartitionedResult = Result[PartitionedScenario, PartitionedPlan]


class Found(NamedTuple):
    """What a scheme comes to before its blocks are whole."""

    blocks: Array
    shares: Array | None  # None where they are planned for the whole blocks
    bound_s: float | None  # None where nothing but the rounding is left to choose
    delay_s: float
    optimum_s: float  # of real-valued blocks, which the bound is to meet


def plan(
    scenario: PartitionedScenario,
    scheme: str = "joint",
    method: str = "exact",
    *,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> PartitionedResult:
    """Plan the blocks and the shares of a round so that its latency is least.

    Per-iteration convergence does not depend on the partition, so that the least latency is the
    most rounds within a delay budget. Energy is not planned, only checked.

    Parameters
    ----------
    scenario : what is planned
    scheme : equal, proportional, bapa, paba, paba-proportional or joint
    method : "exact"; for scheme joint also "in-turn", blocks and shares in turn until they settle,
        and "closed-form", where each group has one worker without overhead at a fixed efficiency
    uplink_gain, downlink_gain : (K,) power ratios of the round; the scenario's where none is given

    Returns
    -------
    Result, whose `value` is the latency of a round in s and whose `lower_bound` holds for
    real-valued blocks as well; with status "infeasible" and no plan where a budget allows no round

    Raises
    ------
    InputError
        If there is no such scheme or method, or they do not go together.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> result = plan(load_scenario("partitioned-digits"))
    >>> result.status, int(result.plan.block_size.sum()), result.gap < 1e-3
    ('optimal', 7850, True)
    """
    if scheme not in SCHEMES:
        raise unknown_name("scheme", scheme, SCHEMES)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if method != "exact" and scheme != "joint":
        raise InputError(
            f"method {method!r} must go with scheme 'joint'; got scheme {scheme!r}. "
            "Choose method 'exact', or scheme 'joint'."
        )
    problem = as_problem(scenario, uplink_gain, downlink_gain)
    found = JOINTLY[method](problem) if scheme == "joint" else _one_sided(problem, scheme)
    blocks = largest_remainder(found.blocks, scenario.n_parameters).astype(int)
    shares = found.shares
    if shares is None:
        shares = plan_shares(problem, blocks.astype(float), found.delay_s).shares
    best = PartitionedPlan(block_size=blocks, downlink_share=shares[0], uplink_share=shares[-1])
    outcome = evaluate(best, scenario, uplink_gain=uplink_gain, downlink_gain=downlink_gain)
    if outcome.violations:
        limits = {key: getattr(scenario, key) for key in outcome.violations}
        message = no_round_fits(scheme, limits, outcome.violations)
        return Result(
            scenario=scenario, scheme=scheme, method=method, status="infeasible", message=message
        )
    value = float(outcome.round.delay_s)
    bound_s = value if found.bound_s is None else found.bound_s * (1 - ROUNDING)
    certified = found.optimum_s - bound_s <= CERTIFIED * found.optimum_s or found.bound_s is None
    message = f"No plan can be better by more than {max(1 - bound_s / value, 0):.2%}."
    if not certified:
        message += " The solver stopped short of full accuracy."
    return Result(
        scenario=scenario,
        scheme=scheme,
        method=method,
        status="optimal" if certified else "inaccurate",
        message=message,
        plan=best,
        value=value,
        lower_bound=bound_s,
    )


def _one_sided(problem: Problem, scheme: str) -> Found:
    equal = problem.equal_shares
    if scheme == "bapa":
        best = plan_blocks(problem, equal)
        return Found(best.blocks, equal, *[best.delay_s] * 3)
    proportional = scheme in ("proportional", "paba-proportional")
    blocks = proportional_blocks(problem) if proportional else equal_blocks(problem)
    shares = None if scheme.startswith("paba") else equal
    delay_s = problem.delay_s(blocks, equal)
    return Found(blocks, shares, None, delay_s, optimum_s=delay_s)


def _exactly(problem: Problem) -> Found:
    best, bound_s = plan_jointly(problem)
    return Found(best.blocks, None, bound_s, best.delay_s, optimum_s=best.delay_s)


def _in_turn(problem: Problem) -> Found:
    best, (joint, bound_s) = plan_in_turn(problem), plan_jointly(problem)
    return Found(best.blocks, None, bound_s, best.delay_s, optimum_s=joint.delay_s)


def _in_closed_form(problem: Problem) -> Found:
    if not has_closed_form(problem):
        raise InputError(
            f"method 'closed-form' must have {NEEDS}; got another scenario. Choose method 'exact'."
        )
    best: Allocation = closed_form(problem)
    return Found(best.blocks, None, *[best.delay_s] * 3)


JOINTLY: dict[str, Callable[[Problem], Found]] = {
    "exact": _exactly,
    "in-turn": _in_turn,
    "closed-form": _in_closed_form,
}
