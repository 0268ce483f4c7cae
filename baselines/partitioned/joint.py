"""The joint optimum: a bisection over the latency around a convex problem (PABA-style).

Within a latency T a group's block needs shares that grow convexly with it, and T is enough if the
largest model that fits has at least W parameters. The largest model is found through the prices of
the bands: at given prices every group chooses its block for itself, and the prices are where the
dual function is least. Both the search for T and those for prices and blocks take Newton's steps,
kept within brackets. Any prices prove a lower bound on the latency (`proves`).
"""

import numpy as np

from baselines.partitioned.dual import LEAST_BLOCK, Dual, Guess, dual
from baselines.partitioned.one_sided import Allocation, plan_blocks, plan_shares
from baselines.partitioned.problem import Problem
from baselines.sharing import increasing_root
from edgegym.physics import Array

#: What is left to be gained on W, relative, where prices count as best.
PRICE_TOLERANCE = 1e-12
#: How far the square root of a price may fall in a step, relative.
PRICE_FALL = 0.9
#: What a proof leaves for blocks that miss the best ones by the tolerance of their prices.
CARE = 1e-11
#: How far below the latency that was found a lower bound is looked for.
MARGINS = (1e-10, 1e-8, 1e-6, 1e-4)


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

    The dual function is above the largest model at any prices. It is worked out at blocks that are
    a little off, and without those of groups that are left out; more than that must be missing.
    """
    found = dual(problem, delay_s, prices, start)
    unsure = CARE + LEAST_BLOCK * np.sum(~found.choice.active)
    return bool(found.size < problem.n_parameters * (1 - unsure))


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
