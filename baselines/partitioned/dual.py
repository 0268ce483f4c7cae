"""What groups choose at given prices of the bands, and the dual function that this gives."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.links import Use
from baselines.partitioned.problem import Problem
from edgegym.physics import Array

#: Block, relative to W, below which a group is left out.
LEAST_BLOCK = 1e-12
#: By how much a group's price may miss one: what a block is off by counts with its square.
BLOCK_TOLERANCE = 1e-6


class Guess(NamedTuple):
    """Where to begin a search."""

    blocks: Array  # (N,)
    use: Use | None = None  # of the bands


class Choice(NamedTuple):
    """What all groups choose at given prices."""

    blocks: Array  # (N,)
    active: NDArray[np.bool_]  # (N,) whether a group takes part
    steepness: Array  # (N,) by which the marginal cost of a block rises with it
    relief: Array  # (N,) by which it falls with the latency
    use: Use


class Dual(NamedTuple):
    """The dual function at a latency and prices: no larger model fits.

    A derivative is named after what it is by.
    """

    size: float  # parameters
    size_by_delay: float
    used: Array  # (n_bands,) of each band
    used_by_delay: Array  # (n_bands,)
    used_by_price: Array  # (n_bands, n_bands)
    blocks_by_delay: Array  # (N,)
    blocks_by_price: Array  # (n_bands, N)
    choice: Choice

    def blocks(self, delay_s: float, prices: Array) -> Array:
        """Guess what the groups choose at a latency and prices that are so much higher."""
        moved = delay_s * self.blocks_by_delay + prices @ self.blocks_by_price
        return np.maximum(self.choice.blocks + moved, self.choice.blocks / 4)


def choose_blocks(problem: Problem, left_s: Array, prices: Array, start: Guess) -> Choice:
    """Let every group choose the block that is worth most at given prices.

    The marginal cost of a block rises with it, to infinity at what no bandwidth could deliver; the
    block is where it is one. At a fixed efficiency with one worker its inverse square root is
    linear, with several concave, so that Newton's method takes it.

    Parameters
    ----------
    problem : the round
    left_s : (K,) s of the latency after the overhead
    prices : (n_bands,) in parameters for a whole band
    start : where to begin
    """
    p, least = problem, LEAST_BLOCK * problem.n_parameters
    most = np.minimum.reduceat(left_s / (p.compute_s + p.links.least_s), p.first)
    able = most > 2 * least
    # Whoever is not able has no block in the end; until then it may send 2·least in time.
    time_s = np.where(able[p.group], left_s, 4 * least * (p.compute_s + p.links.least_s))
    low, high = np.zeros_like(most), np.where(able, most, 2 * least)
    blocks, near = np.clip(start.blocks, least, high * (1 - 1e-6)), start.use
    for _ in range(100):
        block = blocks[p.group]
        rate = time_s / block**2
        near = use = p.links.cheapest(time_s / block - p.compute_s, prices, near)
        cost = np.add.reduceat(use.worth * rate, p.first)
        stiffness = use.bend + use.curvature * p.compute_s
        steepness = np.add.reduceat(stiffness * rate / block, p.first)
        worthwhile = cost < 1
        left_out = ~able | ((blocks <= least) & ~worthwhile)
        if (left_out | (np.abs(cost - 1) <= BLOCK_TOLERANCE)).all():
            break
        low, high = np.where(worthwhile, blocks, low), np.where(worthwhile, high, blocks)
        if (left_out | (high - low <= 1e-15 * high)).all():
            break
        step = blocks + 2 * cost * (1 - np.sqrt(cost)) / steepness
        below = np.where(low > 0, np.maximum(np.sqrt(low * blocks), blocks / 4), least)
        step = np.where(step > low, step, below)
        # With Shannon's law the marginal cost leaves 0 so steeply that a step would go nowhere.
        step = np.where(blocks > least, step, high / 4)
        step = np.where(step < high, step, (blocks + high) / 2)
        blocks = np.where(left_out, blocks, step)
    relief = np.add.reduceat((use.worth + stiffness) / block**2, p.first)
    return Choice(blocks, ~left_out, steepness, relief, use)


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
    blocks_by_price = np.where(choice.active, -moves / choice.steepness, 0.0)
    blocks_by_delay = np.where(choice.active, choice.relief / choice.steepness, 0.0)
    sooner = np.array([total(by_time / block) for by_time in use.by_time])
    by_price = np.array([[total(part) for part in row] for row in use.by_price])
    return Dual(
        size=float(np.sum(choice.blocks * choice.active) - prices @ (used - 1)),
        size_by_delay=total(use.worth / block),
        used=used,
        used_by_delay=sooner + moves @ blocks_by_delay,
        used_by_price=by_price + moves @ blocks_by_price.T,
        blocks_by_delay=blocks_by_delay,
        blocks_by_price=blocks_by_price,
        choice=choice,
    )
