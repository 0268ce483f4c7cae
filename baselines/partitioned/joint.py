"""The joint optimum: a bisection over the latency around a convex problem (PABA-style).

Within a latency T a group's block needs shares that grow convexly with it, and T is enough if the
largest model that fits has at least W parameters. The largest model is found through the prices of
the bands: at given prices every group chooses its block for itself, and the prices are where the
dual function is least. Both the search for T and those for prices and blocks take Newton's steps,
kept within brackets. Any prices prove a lower bound on the latency (`proves`).
"""

from typing import NamedTuple

import numpy as np

from baselines.partitioned.one_sided import Allocation, plan_blocks, plan_shares
from baselines.partitioned.problem import Problem
from baselines.sharing import Use, increasing_root
from edgegym.physics import Array

#: Block, relative to W, below which a group is left out.
LEAST_BLOCK = 1e-12
#: By how much a group's price may miss one: what a block is off by counts with its square.
BLOCK_TOLERANCE = 1e-7
#: What is left to be gained on W, relative, where prices count as best.
PRICE_TOLERANCE = 1e-12
#: How far the square root of a price may fall in a step, relative.
PRICE_FALL = 0.9
#: How far below the latency that was found a lower bound is looked for.
MARGINS = (1e-10, 1e-8, 1e-6, 1e-4)


class Guess(NamedTuple):
    """Where to begin a search."""

    blocks: Array  # (N,)
    snr: Array | None = None  # (K,) of the uplink


class Choice(NamedTuple):
    """What all groups choose at given prices."""

    blocks: Array  # (N,)
    active: Array  # (N,) whether a group takes part
    steepness: Array  # (N,) by which the marginal cost of a block rises
    use: Use


class Dual(NamedTuple):
    """The dual function at a latency and prices: no larger model fits."""

    size: float  # parameters
    by_delay: float  # how it grows with the latency
    used: Array  # (n_bands,) of each band
    by_price: Array  # (n_bands, n_bands) how these fall with the prices
    block_by_price: Array  # (n_bands, N) how the blocks do
    choice: Choice


def choose_blocks(
    problem: Problem, left_s: Array, prices: Array, start: Guess
) -> Choice:
    """Let every group choose the block that is worth most at given prices.

    The marginal cost of a block rises with it, to infinity at what no bandwidth could deliver; the
    block is where it is one. At a fixed efficiency with one worker its inverse square root is
    linear, with several concave, so that Newton's method takes it.

    Parameters
    ----------
    problem : the round
    left_s : (K,) s of the latency after the overhead
    prices : (n_bands,) in parameters for a whole band
    start : blocks to begin with
    """
    p, least = problem, LEAST_BLOCK * problem.n_parameters
    most = np.minimum.reduceat(left_s / (p.compute_s + p.links.least_s), p.first)
    able = most > 2 * least
    time_s = np.where(able[p.group], left_s, 1.0)
    low, high = np.zeros_like(most), np.where(able, most, 2 * least)
    blocks, snr = np.clip(start.blocks, least, high * (1 - 1e-6)), start.snr
    for _ in range(100):
        block = blocks[p.group]
        rate = time_s / block**2
        use = p.links.cheapest(time_s / block - p.compute_s, prices, snr)
        snr = use.snr
        cost = np.add.reduceat(use.worth * rate, p.first)
        steepness = np.add.reduceat(
            (use.bend + use.curvature * p.compute_s) * rate / block, p.first
        )
        worthwhile = cost < 1
        left_out = ~able | ((blocks <= least) & ~worthwhile)
        if (left_out | (np.abs(cost - 1) <= BLOCK_TOLERANCE)).all():
            break
        low, high = np.where(worthwhile, blocks, low), np.where(worthwhile, high, blocks)
        if (left_out | (high - low <= 1e-15 * high)).all():
            break
        step = blocks + 2 * cost * (1 - np.sqrt(cost)) / steepness
        below = np.where(low > 0, np.sqrt(low * blocks), least)
        step = np.where(step > low, step, below)
        step = np.where(step < high, step, (blocks + high) / 2)
        blocks = np.where(left_out, blocks, step)
    return Choice(blocks, ~left_out, steepness, use)


def dual(problem: Problem, delay_s: float, prices: Array, start: Guess) -> Dual:
    """Evaluate the dual function of the largest model that fits a latency, and its derivatives."""
    p = problem
    choice = choose_blocks(p, delay_s - p.overhead_s, prices, start)
    takes_part, use = choice.active[p.group], choice.use
    block = choice.blocks[p.group]
    rate = np.where(takes_part, (delay_s - p.overhead_s) / block**2, 0.0)

    def total(values: Array | float) -> float:
        return float(np.sum(np.where(takes_part, values, 0.0)))

    used = np.array([total(share) for share in use.shares])
    moves = np.array([np.add.reduceat(-rate * by_time, p.first) for by_time in use.by_time])
    block_by_price = np.where(choice.active, -moves / choice.steepness, 0.0)
    by_price = np.array([[total(part) for part in row] for row in use.by_price])
    return Dual(
        size=float(np.sum(choice.blocks * choice.active) - prices @ (used - 1)),
        by_delay=total(use.worth / block),
        used=used,
        by_price=by_price + moves @ block_by_price.T,
        block_by_price=block_by_price,
        choice=choice,
    )


def largest_model(
    problem: Problem, delay_s: float, prices: Array, start: Guess
) -> tuple[Dual, Array]:
    """Find the prices at which the dual function is least: the largest model that fits.

    Newton's method in the square roots of the prices, in which the function is piecewise
    quadratic at a fixed efficiency with one worker in each group; shortened until it descends.
    """
    found = dual(problem, delay_s, prices, start)
    for _ in range(60):
        slope = -2 * prices * (found.used - 1)
        bend = -4 * found.by_price * np.outer(prices, prices)
        hessian = bend + np.diag(slope)
        if np.any(np.diag(hessian) <= 0) or np.linalg.det(hessian) <= 0:
            hessian = bend + np.diag(np.abs(slope) + 1e-12 * prices)
        step = -np.linalg.solve(hessian, slope)
        if np.any((step < -PRICE_FALL) & (slope < 0)):
            # Cut short again and again a price that ought to rise would jam at 0: each by itself.
            step = -slope / np.diag(hessian)
        step *= min(1.0, PRICE_FALL / max(-step.min(), PRICE_FALL))
        gain = -float(slope @ step)
        if gain <= PRICE_TOLERANCE * problem.n_parameters:
            break
        length = 1.0
        for _ in range(20):
            trial = prices * (1 + length * step) ** 2
            blocks = found.choice.blocks + (trial - prices) @ found.block_by_price
            there = dual(problem, delay_s, trial, Guess(blocks, found.choice.use.snr))
            if there.size <= found.size - 1e-4 * length * gain:
                break
            length /= 2
        if there.size >= found.size:
            break
        found, prices = there, trial
    return found, prices


def plan_jointly(problem: Problem) -> tuple[Allocation, float]:
    """Find the blocks and shares with the least latency.

    Parameters
    ----------
    problem : the round

    Returns
    -------
    The allocation, and a latency below which none is, as the prices prove; 0 where they do not

    Examples
    --------
    >>> from baselines.partitioned.problem import example
    >>> found, bound_s = plan_jointly(example(overhead_s=(0.5, 0.2, 1.0)))
    >>> round(found.delay_s, 5), found.blocks.round(5).tolist()
    (6.24784, [3.46818, 2.19717, 4.33465])
    >>> 0 <= found.delay_s - bound_s < 1e-8
    True
    """
    start = plan_blocks(problem, problem.equal_shares)
    prices = _first_prices(problem, start)
    guess = Guess(start.blocks)

    def surplus(delay_s: float) -> tuple[float, float]:
        nonlocal prices, guess
        found, prices = largest_model(problem, delay_s, prices, guess)
        choice = found.choice
        guess = Guess(choice.blocks * choice.active, choice.use.snr)
        size = problem.n_parameters
        return found.size / size - 1, found.by_delay / size

    low = float(problem.overhead_s.min())
    delay_s = increasing_root(surplus, low, start.delay_s * (1 + 1e-12), start.delay_s)
    blocks = guess.blocks * (problem.n_parameters / guess.blocks.sum())
    best = plan_shares(problem, blocks, delay_s)
    bound_s = next(
        (
            delay_s * (1 - margin)
            for margin in MARGINS
            if proves(problem, delay_s * (1 - margin), prices, guess)
        ),
        0.0,
    )
    return min(best, start, key=lambda found: found.delay_s), bound_s


def proves(problem: Problem, delay_s: float, prices: Array, start: Guess) -> bool:
    """Tell whether prices prove that no model of W parameters fits a latency.

    The dual function is above the largest model at any prices. Blocks that are a little off cost
    it what their marginal cost misses one by, over the whole range of the block at most.
    """
    found = dual(problem, delay_s, prices, start)
    return found.size < problem.n_parameters


def _first_prices(problem: Problem, start: Allocation) -> Array:
    """Guess the prices at which an allocation uses both bands alike, at marginal costs of one."""
    takes_part = start.blocks[problem.group] > 0
    block = start.blocks[problem.group][takes_part]
    left_s = start.delay_s - problem.overhead_s[takes_part]
    links = problem.links.of(takes_part)
    seconds = left_s / block - problem.compute_s[takes_part]
    use = links.cheapest(seconds, np.ones(links.n_bands))
    prices = np.array([share.sum() ** 2 for share in use.shares])
    use = links.cheapest(seconds, prices)
    cost = np.bincount(problem.group[takes_part], use.worth * left_s / block**2)
    return prices / np.exp(np.mean(np.log(cost[cost > 0])))
