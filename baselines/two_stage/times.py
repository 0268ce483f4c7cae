"""The cheapest times for given rounds and batches: every second where it saves the most energy.

With integer rounds and batches fixed, what is left of (P1) is to share the delay budget among
computing and uploading. Energy falls and is convex in each time, so at the optimum one more second
saves the same energy wherever it is spent. Written in logarithms that condition is nearly linear:
a handful of Newton steps meets it, for thousands of candidates at once and without a solver. The
times add up to the budget whatever the steps reach: an early stop costs energy, never feasibility.
"""

from typing import Any, NamedTuple

import numpy as np

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
    server, devices, uplink = work.server, work.devices, work.uplink
    slowest = 1.0 if scheme.fixed_clock else server.most_s / server.least_s
    least_s = server.least_s * samples
    computing = devices.least_s * samples_k, slowest * devices.least_s * samples_k
    upload = uplink.least_s, uplink.least_s if scheme.fixed_power else uplink.most_s
    fastest_s, slowest_s = (
        np.max(work.download_s + computing[end] + upload[end], axis=-1) for end in (0, 1)
    )
    per_round = np.maximum(n, 1)
    low = np.maximum(fastest_s, (delay_budget_s - m * slowest * least_s) / per_round)
    low = np.minimum(low, slowest_s) + np.zeros(np.shape(m * n * least_s))
    high = np.minimum((delay_budget_s - m * least_s) / per_round, slowest_s)
    high = np.maximum(high, low)

    def server_time(round_s: Array) -> Array:
        left_s = (delay_budget_s - n * round_s) / np.maximum(m, 1)
        return np.minimum(np.maximum(left_s, least_s), slowest * least_s)

    def split(round_s: Array, computing_s: Array) -> tuple[Any, ...]:
        """Keep both parts of a round within their limits and the round, and say which they meet."""
        available_s = round_s[..., np.newaxis] - work.download_s
        slow_upload_s, fast_upload_s = available_s - upload[1], available_s - upload[0]
        computing_s = np.minimum(np.maximum(computing_s, slow_upload_s), computing[1])
        computing_s = np.maximum(np.minimum(computing_s, fast_upload_s), computing[0])
        upload_s = np.minimum(np.maximum(available_s - computing_s, upload[0]), upload[1])
        # Met limits are seen on the computing time: a short upload beside it carries few digits.
        return (
            computing_s,
            upload_s,
            computing_s <= computing[0],
            computing_s >= computing[1],
            computing_s >= fast_upload_s,
            computing_s <= slow_upload_s,
        )

    computing_s, upload_s = _start(work, prices, samples_k)
    round_s = np.clip(np.max(work.download_s + computing_s + upload_s, axis=-1), low, high)
    last = np.zeros_like(round_s)
    for _ in range(STEPS):
        computing_s, upload_s = split(round_s, computing_s)[:2]
        computing_w = devices.price_w(samples_k, computing_s)
        upload_w, upload_slope = uplink.price_and_slope(upload_s)
        computing_slope = 3 / computing_s
        # INNER STEP: a second of computing and of uploading save the same
        step = np.log(computing_w / upload_w) / (computing_slope + upload_slope)
        step = np.minimum(np.maximum(step, -0.8 * computing_s), 0.8 * upload_s)
        inner, _, computing_least, computing_most, upload_least, upload_most = split(
            round_s, computing_s + step
        )
        computing_stuck = computing_least | computing_most
        upload_stuck = upload_least | upload_most
        # OUTER STEP: what a second saves all devices together meets what it saves the server
        price_w = np.maximum(computing_w * ~computing_most, upload_w * ~upload_most)
        sooner = np.where(upload_stuck, 1.0, upload_slope / (computing_slope + upload_slope))
        sooner = np.where(computing_stuck, 0.0, sooner)
        slope = np.where(computing_stuck, upload_slope, sooner * computing_slope)
        total_w = np.maximum(price_w.sum(axis=-1), NEARLY_FREE)
        server_s = server_time(round_s)
        excess = np.log(total_w / server.price_w(samples, server_s))
        fall = (price_w * slope).sum(axis=-1) / total_w + 3 * n / np.maximum(
            m * server_s, NEARLY_FREE
        )
        fall = np.maximum(fall, NEARLY_FREE)
        change = np.minimum(np.maximum(excess / fall, -0.5 * round_s), round_s)
        # Where a part reaches its limit the prices jump: back and forth must come to an end.
        turned = change * last < 0
        change = np.where(
            turned, np.sign(change) * np.minimum(np.abs(change), 0.6 * np.abs(last)), change
        )
        target = np.minimum(np.maximum(round_s + change, low), high)
        last = target - round_s
        moved = split(target, inner + sooner * last[..., np.newaxis])[0]
        settled = np.abs(target - round_s) <= CONVERGED * round_s
        settled &= (np.abs(moved - computing_s) <= CONVERGED * computing_s).all(axis=-1)
        settled |= n == 0
        computing_s, round_s = moved, target
        if settled.all():
            break
    computing_s, upload_s = split(round_s, computing_s)[:2]
    server_s = server_time(round_s)
    devices_j = devices.energy_j(samples_k, computing_s) + uplink.energy_j(upload_s)
    energy_j = m * server.energy_j(samples, server_s)
    energy_j = energy_j + n * (work.download_j + devices_j.sum(axis=-1))
    fits = m * least_s + n * fastest_s <= delay_budget_s
    return Times(server_s, computing_s, upload_s, np.where(fits, energy_j, np.inf))


def _start(work: Workload, prices: Prices | None, samples: Array) -> tuple[Array, Array]:
    """Start where a second is worth its price everywhere, or at twice the fastest times."""
    devices, uplink = work.devices, work.uplink
    if prices is None:
        return 2 * devices.least_s * samples, 2 * uplink.least_s
    watts = prices.device_delay_per_s / max(prices.energy_per_j, NEARLY_FREE)
    return devices.time_for_price_s(watts) * samples, uplink.time_for_price_s(watts)
