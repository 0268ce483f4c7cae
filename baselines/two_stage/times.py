"""The cheapest times for given rounds and batches: every second where it saves the most energy.

With integer rounds and batches fixed, what is left of (P1) is to share the delay budget among
computing and uploading. Energy falls and is convex in each time, so at the optimum one more second
saves the same energy wherever it is spent. Written in logarithms that condition is nearly linear:
a handful of Newton steps meets it, for thousands of candidates at once and without a solver. The
times add up to the budget whatever the steps reach: an early stop costs energy, never feasibility.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from baselines.two_stage.limits import Limits, Parts, limits_of
from baselines.two_stage.prices import Prices
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import NEARLY_FREE, Workload
from edgegym.physics import Array, Numbers

STEPS = 100

#: Relative change of the times below which the energy, flat around its least, no longer moves.
CONVERGED = 1e-6

#: Share of each budget that a plan leaves unspent, so that an action in float32, which carries
#: seven digits, still plays every round of it.
RESERVE = 1e-6


class Times(NamedTuple):
    """Seconds of each part of a round, and the energy of all rounds; infinite where none fit."""

    server_s: Array  # (...)
    computing_s: Array  # (..., K)
    upload_s: Array  # (..., K)
    energy_j: Array  # (...)


class Balance(NamedTuple):
    """What a second more of the round is worth to each device, (..., K) all."""

    computing_s: Array  # where computing and uploading save the same
    price_w: Array  # what a second saves
    slope: Array  # by which its logarithm falls with every second
    sooner: Array  # part of a second that computing gets


def cheapest_times(
    work: Workload,
    scheme: Scheme,
    *,
    n_pretrain_rounds: Numbers,
    n_finetune_rounds: Numbers,
    pretrain_batch_size: Numbers,
    finetune_batch_size: Numbers,
    delay_budget_s: Numbers,
    prices: Prices | None = None,
) -> Times:
    """Share a delay budget so that the energy of all rounds is least.

    Parameters
    ----------
    work : times and energies at the limits
    scheme : whose power and clocks are at their limits
    n_pretrain_rounds, n_finetune_rounds : (...) rounds
    pretrain_batch_size : (...) samples
    finetune_batch_size : (..., K) samples
    delay_budget_s : (...) s for all rounds together
    prices : what seconds and joules are worth near the optimum, to start from

    Returns
    -------
    Times, with infinite energy where the rounds do not fit even at full speed

    Examples
    --------
    One round of 700 samples in a second takes 64.06 W · 0.4375³ J:

    >>> from baselines.two_stage.schemes import find_scheme
    >>> from baselines.two_stage.workload import workload
    >>> from edgegym import load_scenario
    >>> times = cheapest_times(workload(load_scenario("mnist")), find_scheme("pretrain-only"),
    ...     n_pretrain_rounds=1, n_finetune_rounds=0, pretrain_batch_size=700,
    ...     finetune_batch_size=[1, 1, 1], delay_budget_s=1.0)
    >>> float(times.server_s), round(float(times.energy_j), 4)
    (1.0, 5.3645)
    """
    m, n, samples, samples_k = (
        np.asarray(value, dtype=float)
        for value in (
            n_pretrain_rounds,
            n_finetune_rounds,
            pretrain_batch_size,
            finetune_batch_size,
        )
    )
    limits = limits_of(work, scheme, m, n, samples, samples_k, delay_budget_s)
    low, high = limits.range_s()

    def step(round_s: Array, balance: Balance) -> Array:
        return _outer_step(work, limits, samples, round_s, balance)

    start = _start(work, prices, samples_k)
    round_s, computing_s = _settled(work, limits, samples_k, (low, high), start, step)
    return _cost(work, limits, samples, samples_k, round_s, computing_s)


def times_at_price(
    work: Workload, scheme: Scheme, finetune_batch_size: Numbers, second_device_w: Array
) -> tuple[Array, Array]:
    """Give each fine-tuning round, of its own batches, the times at which a second saves so much.

    Parameters
    ----------
    work : times and energies at the limits
    scheme : whose power and clocks are at their limits
    finetune_batch_size : (..., K) samples
    second_device_w : (K,) joules that a second is worth, shared among the devices as it would be
        best for rounds that end on all of them at once; the search begins with that

    Returns
    -------
    Seconds of computing and of uploading, (..., K) both

    Examples
    --------
    The dearer a second, the shorter the round:

    >>> from baselines.two_stage.schemes import find_scheme
    >>> from baselines.two_stage.workload import workload
    >>> from edgegym import load_scenario
    >>> work, scheme = workload(load_scenario("mnist")), find_scheme("joint")
    >>> batches, watts = np.full(3, 99.0), np.ones(3)
    >>> slow, fast = (times_at_price(work, scheme, batches, w * watts) for w in (0.1, 1.0))
    >>> bool((sum(slow) > sum(fast)).all())
    True
    """
    samples_k = np.asarray(finetune_batch_size, dtype=float)
    one, none = np.ones(samples_k.shape[:-1]), np.zeros(samples_k.shape[:-1])
    limits = limits_of(work, scheme, none, one, none, samples_k, np.inf)

    def step(round_s: Array, balance: Balance) -> Array:
        total_w = np.maximum(balance.price_w.sum(axis=-1), NEARLY_FREE)
        fall = (balance.price_w * balance.slope).sum(axis=-1) / total_w
        change = np.log(total_w / second_device_w.sum()) / np.maximum(fall, NEARLY_FREE)
        return np.minimum(np.maximum(change, -0.5 * round_s), round_s)

    ends = limits.fine_tuning_s(0), limits.fine_tuning_s(1)
    start = _start(work, Prices(1.0, second_device_w, 1.0), samples_k)
    round_s, computing_s = _settled(work, limits, samples_k, ends, start, step)
    return limits.split(round_s, computing_s)[:2]


def _settled(
    work: Workload,
    limits: Limits,
    samples_k: Array,
    ends_s: tuple[Array, Array],
    start: tuple[Array, Array],
    outer_step: Callable[[Array, Balance], Array],
) -> tuple[Array, Array]:
    """Take steps until rounds and the computing within them move no more, (...) and (..., K)."""
    (low, high), (computing_s, upload_s) = ends_s, start
    round_s = np.clip(np.max(work.download_s + computing_s + upload_s, axis=-1), low, high)
    last = np.zeros_like(round_s)
    for _ in range(STEPS):
        parts = limits.split(round_s, computing_s)
        balance = _inner_step(work, limits, samples_k, round_s, parts)
        change = outer_step(round_s, balance)
        # Where a part reaches its limit the prices jump: back and forth must come to an end.
        turned = change * last < 0
        change = np.where(
            turned, np.sign(change) * np.minimum(np.abs(change), 0.6 * np.abs(last)), change
        )
        target = np.minimum(np.maximum(round_s + change, low), high)
        last = target - round_s
        follow_s = balance.computing_s + balance.sooner * last[..., np.newaxis]
        computing_s = limits.split(target, follow_s).computing_s
        moved = np.abs(computing_s - parts.computing_s)
        settled = np.abs(last) <= CONVERGED * round_s
        settled &= (moved <= CONVERGED * parts.computing_s).all(axis=-1)
        settled |= limits.n_finetune_rounds == 0
        round_s = target
        if settled.all():
            break
    return round_s, computing_s


def _inner_step(
    work: Workload, limits: Limits, samples: Array, round_s: Array, parts: Parts
) -> Balance:
    """Take a step to where a second of computing and one of uploading save the same."""
    computing_w = work.devices.price_w(samples, parts.computing_s)
    upload_w, upload_slope = work.uplink.price_and_slope(parts.upload_s)
    computing_slope = 3 / parts.computing_s
    step = np.log(computing_w / upload_w) / (computing_slope + upload_slope)
    step = np.minimum(np.maximum(step, -0.8 * parts.computing_s), 0.8 * parts.upload_s)
    inner = limits.split(round_s, parts.computing_s + step)
    computing_stuck = inner.computing_least | inner.computing_most
    upload_stuck = inner.upload_least | inner.upload_most
    sooner = np.where(upload_stuck, 1.0, upload_slope / (computing_slope + upload_slope))
    sooner = np.where(computing_stuck, 0.0, sooner)
    return Balance(
        computing_s=inner.computing_s,
        price_w=np.maximum(computing_w * ~inner.computing_most, upload_w * ~inner.upload_most),
        slope=np.where(computing_stuck, upload_slope, sooner * computing_slope),
        sooner=sooner,
    )


def _outer_step(
    work: Workload, limits: Limits, samples: Array, round_s: Array, balance: Balance
) -> Array:
    """Step to where what a second saves all devices together meets what it saves the server."""
    m, n = limits.n_pretrain_rounds, limits.n_finetune_rounds
    total_w = np.maximum(balance.price_w.sum(axis=-1), NEARLY_FREE)
    server_s = limits.server_time(round_s)
    excess = np.log(total_w / work.server.price_w(samples, server_s))
    fall = (balance.price_w * balance.slope).sum(axis=-1) / total_w
    fall = fall + 3 * n / np.maximum(m * server_s, NEARLY_FREE)
    fall = np.maximum(fall, NEARLY_FREE)
    return np.minimum(np.maximum(excess / fall, -0.5 * round_s), round_s)


def _cost(
    work: Workload,
    limits: Limits,
    samples: Array,
    samples_k: Array,
    round_s: Array,
    computing_s: Array,
) -> Times:
    """Add up the energy of rounds of so long, infinite where even the fastest do not fit."""
    m, n = limits.n_pretrain_rounds, limits.n_finetune_rounds
    computing_s, upload_s = limits.split(round_s, computing_s)[:2]
    server_s = limits.server_time(round_s)
    devices_j = work.devices.energy_j(samples_k, computing_s) + work.uplink.energy_j(upload_s)
    energy_j = m * work.server.energy_j(samples, server_s)
    energy_j = energy_j + n * (work.download_j + devices_j.sum(axis=-1))
    fits = m * limits.server_s[0] + n * limits.fine_tuning_s(0) <= limits.delay_budget_s
    return Times(server_s, computing_s, upload_s, np.where(fits, energy_j, np.inf))


def _start(work: Workload, prices: Prices | None, samples: Array) -> tuple[Array, Array]:
    """Start where a second is worth its price everywhere, or at twice the fastest times."""
    devices, uplink = work.devices, work.uplink
    if prices is None:
        return 2 * devices.least_s * samples, 2 * uplink.least_s
    watts = prices.device_delay_per_s / max(prices.energy_per_j, NEARLY_FREE)
    return devices.time_for_price_s(watts) * samples, uplink.time_for_price_s(watts)
