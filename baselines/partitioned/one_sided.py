"""One half given, the other planned: BAPA and PaBA, and the two in turn (PABA-style)."""

from typing import NamedTuple

import numpy as np

from baselines.partitioned.problem import Problem
from baselines.sharing import increasing_root, share_bandwidth
from edgegym.physics import Array

#: Relative fall of the latency below which two halves planned in turn have settled.
SETTLED = 1e-9
MAX_TURNS = 200


class Allocation(NamedTuple):
    """Real-valued blocks and shares, and the latency of a round with them."""

    delay_s: float
    blocks: Array  # (N,) parameters
    shares: Array  # (n_bands, K)


def equal_blocks(problem: Problem) -> Array:
    """Give every group as many parameters, (N,)."""
    n_groups = problem.first.size
    return np.full(n_groups, problem.n_parameters / n_groups)


def proportional_blocks(problem: Problem) -> Array:
    """Give every group parameters in proportion to the speed of its slowest worker, (N,).

    Examples
    --------
    >>> from baselines.partitioned.problem import example
    >>> proportional_blocks(example()).round(5).tolist()
    [2.85714, 1.42857, 5.71429]
    """
    speed = 1 / np.maximum.reduceat(problem.compute_s, problem.first)
    return problem.n_parameters * speed / speed.sum()


def plan_blocks(problem: Problem, shares: Array) -> Allocation:
    """Plan the blocks for given shares: bandwidth-aware parameter allocation, BAPA.

    A group that takes part is done when all are: W_n = min_k [T - o_k]₊/θ_k with θ_k seconds per
    parameter, and T is where these sum to W.

    Parameters
    ----------
    problem : the round
    shares : (n_bands, K)

    Examples
    --------
    >>> from baselines.partitioned.problem import example
    >>> found = plan_blocks(example(), example().equal_shares)
    >>> round(found.delay_s, 5), found.blocks.round(5).tolist()
    (6.0679, [3.79243, 2.63822, 3.56935])
    """
    p, n_parameters = problem, problem.n_parameters
    speed = 1 / (p.compute_s + p.links.transfer_s(shares))

    def surplus(delay_s: float) -> tuple[float, float]:
        in_time = np.maximum(delay_s - p.overhead_s, 0) * speed
        block = np.minimum.reduceat(in_time, p.first)
        holds_up = (in_time <= block[p.group]) & (in_time > 0)
        slope = np.minimum.reduceat(np.where(holds_up, speed, np.inf), p.first)
        return block.sum() / n_parameters - 1, slope[slope < np.inf].sum() / n_parameters

    # By then all have begun, and what they lacked of each other's head start is made up for.
    slowest = np.minimum.reduceat(speed, p.first).sum()
    high = float(p.overhead_s.max() + n_parameters / slowest) * (1 + 1e-12)
    delay_s = increasing_root(surplus, float(p.overhead_s.min()), high, high)
    block = np.minimum.reduceat(np.maximum(delay_s - p.overhead_s, 0) * speed, p.first)
    block *= n_parameters / block.sum()
    return Allocation(p.delay_s(block, shares), block, shares)


def plan_shares(problem: Problem, blocks: Array, start_s: float | None = None) -> Allocation:
    """Plan the shares for given blocks: parameter-aware bandwidth allocation, PaBA.

    Parameters
    ----------
    problem : the round
    blocks : (N,) parameters; a group with none gets no share
    start_s : a guess of the latency

    Examples
    --------
    >>> from baselines.partitioned.problem import example
    >>> round(plan_shares(example(), equal_blocks(example())).delay_s, 5)
    7.23218
    """
    block = blocks[problem.group]
    fixed_s = problem.overhead_s + block * problem.compute_s
    delay_s, shares = share_bandwidth(problem.links, block, fixed_s, start_s)
    return Allocation(delay_s, blocks, shares)


def plan_in_turn(problem: Problem) -> Allocation:
    """Plan blocks and shares in turn until the latency settles, from the best one-sided plan.

    It never rises from one turn to the next, yet where it settles need not be the joint optimum:
    once all workers are done at the same time neither half alone can be improved. With one
    worker in each group that is so from the first turn on.

    Examples
    --------
    >>> from baselines.partitioned.problem import example
    >>> round(plan_in_turn(example()).delay_s, 5)
    5.85714
    """
    starts = [
        plan_blocks(problem, problem.equal_shares),
        plan_shares(problem, equal_blocks(problem)),
        plan_shares(problem, proportional_blocks(problem)),
    ]
    best = min(starts, key=lambda start: start.delay_s)
    for _ in range(MAX_TURNS):
        before_s = best.delay_s
        planned = plan_blocks(problem, best.shares)
        shared = plan_shares(problem, planned.blocks, planned.delay_s)
        best = min(best, planned, shared, key=lambda turn: turn.delay_s)
        if best.delay_s >= before_s * (1 - SETTLED):
            break
    return best
