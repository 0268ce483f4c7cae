"""The cheapest times for given rounds and batches: every second where it saves the most energy.

With integer rounds and batches fixed, what is left of (P1) is to share the delay budget among
computing and uploading. Energy falls and is convex in each time, so at the optimum one more
second is worth the same everywhere; two nested bisections on that price find it, for thousands
of candidates at once and without a solver. It is the second opinion on what fits the budgets.
"""

from typing import NamedTuple

import numpy as np

from baselines.schemes import Scheme
from baselines.workload import Workload, workload
from edgegym.physics import Array, Numbers
from edgegym.two_stage.scenario import Scenario

#: Halvings of each bisection. Times add up to the budget exactly whatever their number, and an
#: error in the share enters the energy squared.
HALVINGS = 40

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
    scenario: Scenario,
    scheme: Scheme,
    *,
    n_pretrain_rounds: Numbers,
    n_finetune_rounds: Numbers,
    pretrain_batch_size: Numbers,
    finetune_batch_size: Numbers,
    delay_budget_s: Numbers,
) -> Times:
    """Share a delay budget so that the energy of all rounds is least.

    Parameters
    ----------
    scenario : the constants
    scheme : whose power and clocks are at their limits
    n_pretrain_rounds, n_finetune_rounds : (...) rounds
    pretrain_batch_size : (...) samples
    finetune_batch_size : (..., K) samples
    delay_budget_s : (...) s for all rounds together

    Returns
    -------
    Times, with infinite energy where the rounds do not fit even at full speed

    Examples
    --------
    One round of 700 samples in a second takes 64.06 W · 0.4375³ J:

    >>> from baselines.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> times = cheapest_times(load_scenario("mnist"), find_scheme("pretrain-only"),
    ...     n_pretrain_rounds=1, n_finetune_rounds=0, pretrain_batch_size=700,
    ...     finetune_batch_size=[1, 1, 1], delay_budget_s=1.0)
    >>> float(times.server_s), round(float(times.energy_j), 4)
    (1.0, 5.3645)
    """
    work = workload(scenario)
    m, n, budget_s = (
        np.asarray(value, dtype=float)
        for value in (n_pretrain_rounds, n_finetune_rounds, delay_budget_s)
    )
    samples = np.asarray(pretrain_batch_size, dtype=float)
    samples_k = np.asarray(finetune_batch_size, dtype=float)
    least_s = work.server.least_s * samples
    least_k_s = work.devices.least_s * samples_k
    least_round_s = np.max(work.download_s + least_k_s + work.uplink.least_s, axis=-1)

    def server_time(round_s: Array) -> Array:
        left_s = (budget_s - n * round_s) / np.maximum(m, 1)
        return least_s if scheme.fixed_clock else np.maximum(left_s, least_s)

    low = least_round_s + np.zeros_like(m * n * budget_s)
    high = np.maximum((budget_s - m * least_s) / np.maximum(n, 1), low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        price_w = _split(work, scheme, samples_k, middle)[2].sum(axis=-1)
        server_price_w = work.server.price_w(samples, server_time(middle))
        devices_pay = scheme.fixed_clock | (price_w > server_price_w) | (m == 0)
        low, high = np.where(devices_pay, middle, low), np.where(devices_pay, high, middle)
    server_s = server_time(low)
    computing_s, upload_s, _ = _split(work, scheme, samples_k, low)
    devices_j = work.devices.energy_j(samples_k, computing_s) + work.uplink.energy_j(upload_s)
    energy_j = m * work.server.energy_j(samples, server_s) + n * (
        work.download_j + devices_j.sum(axis=-1)
    )
    fits = m * least_s + n * least_round_s <= budget_s
    return Times(server_s, computing_s, upload_s, np.where(fits, energy_j, np.inf))


def _split(
    work: Workload, scheme: Scheme, samples: Array, round_s: Array
) -> tuple[Array, Array, Array]:
    """Split a round between computing and uploading; the price is what one more second saves."""
    least_s, upload_least_s = work.devices.least_s * samples, work.uplink.least_s
    available_s = round_s[..., np.newaxis] - work.download_s
    low = np.broadcast_to(least_s, np.broadcast_shapes(least_s.shape, available_s.shape))
    high = np.maximum(available_s - upload_least_s, low)
    if scheme.fixed_clock:
        high = low
    if scheme.fixed_power:
        low = high
    for _ in range(0 if scheme.fixed_clock or scheme.fixed_power else HALVINGS):
        middle = (low + high) / 2
        computing_pays = work.devices.price_w(samples, middle) > work.uplink.price_w(
            available_s - middle
        )
        low, high = np.where(computing_pays, middle, low), np.where(computing_pays, high, middle)
    upload_s = np.maximum(available_s - low, upload_least_s)
    if scheme.fixed_power:
        upload_s = upload_least_s + np.zeros_like(low)
    price_w = np.maximum(
        0.0 if scheme.fixed_clock else work.devices.price_w(samples, low),
        0.0 if scheme.fixed_power else work.uplink.price_w(upload_s),
    )
    return low, upload_s, price_w
