"""Sharing a band among workers so that the last one is done as early as possible."""

from collections.abc import Callable

import numpy as np

from baselines.links import Links, Use
from edgegym.physics import Array

#: Value at which a root counts as found; every function here is scaled to the order of one.
ROOT_TOLERANCE = 1e-12
EPSILON = float(np.finfo(float).eps)


def increasing_root(
    function: Callable[[float], tuple[float, float]],
    low: float,
    high: float,
    start: float,
    last_step: float = 4 * EPSILON,
) -> float:
    """Find where an increasing function is zero: Newton's method, halving where that leaves.

    Parameters
    ----------
    function : gives its value and its slope
    low, high : a bracket of the root
    start : where to begin
    last_step : a step, relative, after which the function need not be looked at again

    Examples
    --------
    >>> round(increasing_root(lambda x: (x * x - 2, 2 * x), 0.0, 2.0, 1.0), 12)
    1.414213562373
    """
    x = start
    for _ in range(200):
        value, slope = function(x)
        low, high = (x, high) if value < 0 else (low, x)
        step = -value / slope if slope > 0 else np.inf
        if abs(value) <= ROOT_TOLERANCE:
            break
        x, before = (x + step if low < x + step < high else (low + high) / 2), x
        if abs(step) <= last_step * abs(before):
            break
    return x


def share_bandwidth(
    links: Links, size: Array, fixed_s: Array, start_s: float | None = None
) -> tuple[float, Array]:
    """Share the bands so that the slowest worker is done as early as possible.

    A worker is done after `fixed_s + size·(seconds per unit)`. Whoever has a payload is done at
    the same time; where the bands are shared separately, both are used up.

    Parameters
    ----------
    links : of all workers
    size : (K,) units that each sends; 0 for a worker that gets no share
    fixed_s : (K,) s that each needs beside
    start_s : a guess of the result

    Returns
    -------
    When all are done, in s, and the shares (n_bands, K)

    Examples
    --------
    >>> links = Links(np.array([0.1, 0.05, 0.2]), np.array([0.1, 0.05, 0.2]), None, separate=False)
    >>> done_s, shares = share_bandwidth(links, np.full(3, 10 / 3), 10 / 3 * np.array([1, 2, 0.5]))
    >>> round(done_s, 5), shares.round(5).tolist()
    (7.23218, [[0.17099, 0.58944, 0.23957]])
    """
    sends = size > 0
    shares = np.zeros((links.n_bands, size.size))
    links, size, fixed_s = links.of(sends), size[sends], fixed_s[sends]
    alone = np.ones((links.n_bands, size.size))
    low = float(np.max(fixed_s + size * links.transfer_s(alone)))
    high = float(np.max(fixed_s + size * links.transfer_s(alone / size.size)))
    start = low if start_s is None else min(max(low, start_s), high)
    balance, use = 0.0, links.cheapest((start - fixed_s) / size, np.ones(links.n_bands))

    def spare(done_s: float) -> tuple[float, float]:
        """Compare the bands with what is needed of them, and give the slope over time."""
        nonlocal balance, use
        balance, use = _least_use(links, (done_s - fixed_s) / size, balance, use)
        prices = np.exp([0.0, balance][: links.n_bands])
        prices /= prices.sum()
        needed = sum(price * share.sum() for price, share in zip(prices, use.shares, strict=True))
        return 1 / needed - 1, (prices[0] * use.worth / size).sum() / needed**2

    increasing_root(spare, low, high * (1 + ROOT_TOLERANCE), start)
    shares[:, sends] = [share / share.sum() for share in use.shares]
    return float(np.max(fixed_s + size * links.transfer_s(shares[:, sends]))), shares


def _least_use(links: Links, seconds: Array, balance: float, use: Use) -> tuple[float, Use]:
    """Find the least share of both bands, the same of each, with which all send in given times.

    Returns
    -------
    The logarithm of the uplink's price over the downlink's, and what is used at these prices
    """
    if not links.separate:
        return 0.0, links.cheapest(seconds, np.ones(1), use)

    def lead(balance: float) -> tuple[float, float]:
        nonlocal use
        prices = np.exp([0.0, balance])
        use = links.cheapest(seconds, prices, use)
        down, up = (share.sum() for share in use.shares)
        (_, down_move), (_, up_move) = (tuple(map(np.sum, row)) for row in use.by_price)
        return np.log(down / up), prices[1] * (down_move / down - up_move / up)

    balance = increasing_root(lead, -200.0, 200.0, balance)
    return balance, use
