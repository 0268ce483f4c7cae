"""One door to the planners of cooperative fine-tuning (DEFT-style)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from baselines.cooperative.crunch import crunch
from baselines.cooperative.dual_ascent import plan_by_dual_ascent
from baselines.cooperative.joint import least_sum, plan_jointly
from baselines.cooperative.problem import Allocation, Problem, as_problem
from baselines.cooperative.rotation import rotate
from baselines.result import Result, no_round_fits
from edgegym.errors import InputError, unknown_name
from edgegym.physics import Array, Numbers
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.plan import CooperativePlan
from edgegym.systems.cooperative.referee import evaluate
from edgegym.systems.cooperative.scenario import CooperativeScenario

#: Schemes and what each does.
SCHEMES = {
    "joint": "matching and shares of least latency",
    "crunch": "the matching that is best with equal shares, then its best shares",
    "min-sum": "the matching of the least sum of times with equal shares, then its best shares",
    "crunch-equal": "the matching that is best with equal shares, and these",
    "random-matching": "some matching, and equal shares",
    "alone": "the device that is fastest with all blocks",
    "rotation": "every device that can takes every block in turn, with the best shares",
}
METHODS = ("exact", "dual-ascent")

#: Rounding of a sum, which a lower bound stays below.
ROUNDING = 1e-12

CooperativeResult = Result[CooperativeScenario, CooperativePlan]


class Found(NamedTuple):
    """What a scheme comes to: its rounds in turn, and a bound where it is not their latency."""

    rounds: list[Allocation]
    bound_s: float | None = None


def plan(
    scenario: CooperativeScenario,
    scheme: str = "joint",
    method: str = "exact",
    *,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> CooperativeResult:
    """Plan who takes which block, and how the band is shared, so that a round's latency is least.

    Planned is the least batch. Energy is not planned, only checked.

    Parameters
    ----------
    scenario : what is planned
    scheme : joint, crunch, min-sum, crunch-equal, random-matching, alone or rotation
    method : "exact"; for scheme joint also "dual-ascent", whose bound is the exact one's
    uplink_gain, downlink_gain : (K,) power ratios of the round; the scenario's where none are given

    Returns
    -------
    Result, whose `value` is the latency of a round in s, of rotation its mean; with status
    "infeasible" and no plan where the blocks cannot be dealt out or a budget allows no round

    Raises
    ------
    InputError
        If there is no such scheme or method, or they do not go together.

    Examples
    --------
    >>> from edgegym.systems.cooperative.worked import worked_scenario
    >>> result = plan(worked_scenario())
    >>> result.status, round(result.value, 6), result.plan.block_device.tolist()
    ('optimal', 3.474918, [[2, 1, 3]])
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
    result = partial(CooperativeResult, scenario=scenario, scheme=scheme, method=method)
    if sentence := _lacking(scenario, scheme):
        return result(status="infeasible", message=sentence)
    problem = as_problem(scenario, uplink_gain, downlink_gain)
    found = _dual_ascent(problem) if method == "dual-ascent" else EXACTLY[scheme](problem)
    best = CooperativePlan(
        block_device=np.array([one.matching for one in found.rounds]),
        bandwidth_share=np.array([one.share for one in found.rounds]),
        batch_size=scenario.least_batch_size,
    )
    outcome = evaluate(best, scenario, uplink_gain=uplink_gain, downlink_gain=downlink_gain)
    if outcome.violations:
        limits = {key: getattr(scenario, key) for key in outcome.violations}
        message = no_round_fits(scheme, limits, outcome.violations)
        return result(status="infeasible", message=message)
    value = float(outcome.round.delay_s.mean())
    bound_s = value if found.bound_s is None else problem.download_s + found.bound_s
    bound_s = min(bound_s, value) * (1 - ROUNDING)
    return result(
        status="optimal",
        message=f"No plan can be better by more than {max(1 - bound_s / value, 0):.2%}.",
        plan=best,
        value=value,
        lower_bound=bound_s,
    )


def _joint(problem: Problem) -> Found:
    best, bound_s = plan_jointly(problem)
    return Found([best], bound_s)


def _dual_ascent(problem: Problem) -> Found:
    return Found([plan_by_dual_ascent(problem)], plan_jointly(problem)[1])


def _crunch(problem: Problem) -> Found:
    return Found([problem.with_best_shares(crunch(_equal_done_s(problem))[0])])


def _crunch_equal(problem: Problem) -> Found:
    return Found([problem.with_equal_shares(crunch(_equal_done_s(problem))[0])])


def _min_sum(problem: Problem) -> Found:
    found = least_sum(_equal_done_s(problem))
    assert found is not None  # else something is lacking
    return Found([problem.with_best_shares(found[0])])


def _random_matching(problem: Problem) -> Found:
    scores = keyed_generator(0, Stream.ACTION).random(problem.compute_s.shape)
    found = least_sum(np.where(problem.able, scores, np.inf))
    assert found is not None
    return Found([problem.with_equal_shares(found[0])])


def _alone(problem: Problem) -> Found:
    n, links = problem.n_blocks, problem.links
    done_s = problem.alone_s + n * links.transfer_s(np.ones((1, links.upload_s.size)))
    device = int(np.argmin(done_s))
    share = np.zeros(done_s.size)
    share[device] = 1.0
    return Found([Allocation(np.full(n, device), share, float(done_s[device]))])


def _rotation(problem: Problem) -> Found:
    return Found([problem.with_best_shares(matching) for matching in rotate(problem)])


EXACTLY: dict[str, Callable[[Problem], Found]] = {
    "joint": _joint,
    "crunch": _crunch,
    "min-sum": _min_sum,
    "crunch-equal": _crunch_equal,
    "random-matching": _random_matching,
    "alone": _alone,
    "rotation": _rotation,
}


def _equal_done_s(problem: Problem) -> Array:
    return problem.compute_s + problem.equal_upload_s


def _lacking(scenario: CooperativeScenario, scheme: str) -> str:
    """Say why no plan of a scheme can be held; "" where one can."""
    if scheme != "alone":
        return blocks.lacking(scenario)
    if blocks.able_alone(scenario).any():
        return ""
    n, batch_size = scenario.n_blocks, scenario.least_batch_size
    least = float(blocks.memory_bytes(scenario, batch_size, n, n))
    return (
        f"device_memory_bytes must let one device hold all {n} blocks with {batch_size} samples, "
        f"{least:.4g} bytes; got {scenario.device_memory_bytes.max():.4g} at most. Give one so "
        "much, or choose another scheme."
    )
