"""The joint optimum: a bisection over the latency around a convex problem (PABA-style).

Within a latency T a group's block needs shares that grow convexly with it, and T is enough if the
largest model that fits has at least W parameters. The largest model is found through the prices of
the bands: at given prices every group chooses its block for itself, and the prices are where the
dual function is least. Both the search for T and those for prices and blocks take Newton's steps,
kept within brackets. Any prices prove a lower bound on the latency (`proves`).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from baselines.partitioned.dual import LEAST_BLOCK, Dual, Guess, dual
from baselines.partitioned.one_sided import Allocation, plan_blocks, plan_shares
from baselines.partitioned.problem import Problem
from baselines.sharing import increasing_root
from edgegym.physics import Array

#: What is left to be gained on W, relative, where prices count as best.
PRICE_TOLERANCE = 1e-12
#: The same beside what the model lacks of W, and the step of a price's square root, relative,
#: with which it is trusted: as long as the latency is not the one.
ENOUGH = 0.25
NEAR = 0.25
#: Step of the latency, relative, that is its last: what is left is its square.
LAST_STEP = 1e-7
#: How far the square root of a price may fall in a step, relative.
PRICE_FALL = 0.9
#: What a proof leaves for blocks that miss the best ones by the tolerance of their prices.
CARE = 1e-11
#: How far below the latency that was found a lower bound is looked for.
MARGINS = (1e-10, 1e-8, 1e-6, 1e-4)


class Largest(NamedTuple):
    """The largest model that fits a latency, and what is left to be done for it.

    Prices move by steps of their square roots, relative.
    """

    delay_s: float
    prices: Array  # (n_bands,)
    dual: Dual  # at these
    step: Array  # (n_bands,) to where they are best
    step_by_delay: Array  # (n_bands,) of where they are best
    gain: float  # that is left in the step, parameters

    @property
    def size(self) -> float:
        """Parameters of the largest model, next to the best prices."""
        return self.dual.size - self.gain / 2

    @property
    def size_by_delay(self) -> float:
        """Parameters by which it grows in a second."""
        moved = 2 * self.prices * self.dual.used_by_delay
        return self.dual.size_by_delay - float(moved @ self.step)

    def near(self, delay_s: float) -> tuple[Array, Guess]:
        """Guess the best prices, and what groups choose, at another latency."""
        later_s = delay_s - self.delay_s
        prices = self.prices * (1 + _cut(self.step + later_s * self.step_by_delay)) ** 2
        blocks = self.dual.blocks(later_s, prices - self.prices)
        return prices, Guess(blocks * self.dual.choice.active, self.dual.choice.use)


def largest_model(
    problem: Problem, delay_s: float, prices: Array, start: Guess, fits: bool
) -> Largest:
    """Find the prices at which the dual function is least: the largest model that fits.

    Newton's method in the square roots of the prices, in which the function is piecewise
    quadratic at a fixed efficiency with one worker in each group; shortened until it descends.
    Where it is known whether W parameters fit, because that is how the latency was found or since
    the dual function is below, it need not go on once little is left beside what differs from W.
    """
    found = dual(problem, delay_s, prices, start)
    for _ in range(60):
        slope = -2 * prices * (found.used - 1)
        bend = -4 * found.used_by_price * np.outer(prices, prices)
        hessian = bend + np.diag(slope)
        if np.any(np.diag(hessian) <= 0) or np.linalg.det(hessian) <= 0:
            hessian = bend + np.diag(np.abs(slope) + 1e-12 * prices)
        both = np.stack([slope, -2 * prices * found.used_by_delay], axis=1)
        step, step_by_delay = -np.linalg.solve(hessian, both).T
        near = bool(np.all(np.abs(step) <= NEAR))
        if np.any((step < -PRICE_FALL) & (slope < 0)):
            # Cut short again and again a price that ought to rise would jam at 0: each by itself.
            step = -slope / np.diag(hessian)
        step = _cut(step)
        gain = -float(slope @ step)
        lacks = problem.n_parameters - found.size
        enough = ENOUGH * abs(lacks) if near and (fits or lacks > 0) else 0.0
        if gain <= max(PRICE_TOLERANCE * problem.n_parameters, enough):
            break
        length = 1.0
        for _ in range(20):
            trial = prices * (1 + length * step) ** 2
            blocks = found.blocks(0.0, trial - prices)
            there = dual(problem, delay_s, trial, Guess(blocks, found.choice.use))
            if there.size <= found.size - 1e-4 * length * gain:
                break
            length /= 2
        if there.size >= found.size:
            break
        found, prices = there, trial
    return Largest(delay_s, prices, found, step, step_by_delay, gain)


def _cut(step: Array) -> Array:
    """Cut a step short that would take a price too close to 0."""
    return step * min(1.0, PRICE_FALL / max(-step.min(), PRICE_FALL))


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
    near: Callable[[float], tuple[Array, Guess]] = partial(_first_guess, problem, start)

    def surplus(delay_s: float) -> tuple[float, float]:
        nonlocal near
        found = largest_model(problem, delay_s, *near(delay_s), fits=delay_s >= start.delay_s)
        near = found.near
        size = problem.n_parameters
        return found.size / size - 1, found.size_by_delay / size

    low, high = float(problem.overhead_s.min()), start.delay_s * (1 + 1e-12)
    delay_s = increasing_root(surplus, low, high, start.delay_s, LAST_STEP)
    prices, guess = near(delay_s)
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


def _first_guess(problem: Problem, start: Allocation, _: float) -> tuple[Array, Guess]:
    """Guess the prices at which an allocation uses both bands alike, at marginal costs of one."""
    takes_part = start.blocks[problem.group] > 0
    block = start.blocks[problem.group][takes_part]
    left_s = start.delay_s - problem.overhead_s[takes_part]
    links = problem.links.of(takes_part)
    seconds = left_s / block - problem.compute_s[takes_part]
    use = links.cheapest(seconds, np.ones(links.n_bands))
    prices = np.array([share.sum() ** 2 for share in use.shares])
    prices /= prices.mean()
    cost = np.bincount(problem.group[takes_part], use.worth * left_s / block**2)
    return prices / np.exp(np.mean(np.log(cost[cost > 0]))), Guess(start.blocks)
