"""What totals of samples cost: the resource problem of rounds that differ, by its prices.

Let a second be worth w joules, and share w among the devices so that a sample is worth the same on
each: w = Σ w_k. Then every clock and every power has its best value, which no batch moves: a round
with S samples ends on all devices at once, at a price of r(w) + p(w)·S, and a server's round of D̃
samples costs c(w)·D̃. So what a plan costs depends on N and on the totals X = ΣD̃ and Y = ΣS alone,
and how samples are spread over a stage is free. By duality the least energy within a delay τ is

max over w of  c(w)·X + r(w)·N + p(w)·Y − (w − static power)·τ,

up to the least and largest batches of a device, which the integers then see to.
"""

from typing import NamedTuple

import numpy as np

from baselines.two_stage.prices import sample_price, upload_price
from baselines.two_stage.problem import Problem
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import Processor, Workload
from edgegym.physics import Array

#: Prices of a sample that are tried, by what it costs at the clock limit, three times limit_w·s.
PRICES = np.geomspace(1e-4, 1e4, 800)


class Costs(NamedTuple):
    """Prices in joules for each worth of a second, (P,) all, and the (P, K) ones of devices."""

    delay_w: Array  # w less static power, what another second of the budget saves
    second_device_w: Array  # w_k
    server_sample_j: Array  # c
    round_j: Array  # r, of a fine-tuning round without samples
    sample_j: Array  # p


class Least(NamedTuple):
    """The least energy for totals within a delay, and the prices that it asks."""

    energy_j: float
    server_sample_j: float  # what one more adds
    round_j: float
    sample_j: float
    second_device_w: Array  # (K,)


def make_costs(problem: Problem) -> Costs:
    """Work out what everything costs where a second is worth so much.

    Static power is drawn whatever is done, so a second is worth that at least.
    """
    work, scheme, devices = problem.work, problem.scheme, problem.work.devices
    sample_j = PRICES * float(np.median(3 * devices.limit_w * devices.least_s))
    device_w = second_for_sample_w(devices, sample_j[:, np.newaxis], scheme)
    delay_w = device_w.sum(axis=1) - problem.scenario.static_power_w
    used = delay_w > 0
    sample_j, device_w, delay_w = sample_j[used], device_w[used], delay_w[used]
    rounds = upload_price(work.uplink, device_w, 1.0, scheme) + device_w * work.download_s
    return Costs(
        delay_w=delay_w,
        second_device_w=device_w,
        server_sample_j=sample_price(work.server, device_w.sum(axis=1), 1.0, scheme),
        round_j=rounds.sum(axis=1) + work.download_j,
        sample_j=sample_j,
    )


def second_for_sample_w(processor: Processor, sample_j: Array, scheme: Scheme) -> Array:
    """Give the worth of a second at which a sample costs so much: `sample_price` turned around.

    At the best time t a sample costs 3/2·w·t, with w = 2·limit_w·least³/t³; at a clock that is at
    its limit w·t and the energy there.

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from baselines.two_stage.workload import workload
    >>> from edgegym import load_scenario
    >>> server, joint = workload(load_scenario("mnist")).server, find_scheme("joint")
    >>> seconds = np.array([1e-3, 1.0, 1e3])
    >>> second_for_sample_w(server, sample_price(server, seconds, 1.0, joint), joint).round(9)
    array([1.e-03, 1.e+00, 1.e+03])
    """
    least, most, limit_w = processor.least_s, processor.most_s, processor.limit_w
    at_limit = sample_j / least - limit_w
    if scheme.fixed_clock:
        return np.maximum(at_limit, 0.0)
    free = (sample_j / (1.5 * least * np.cbrt(2 * limit_w))) ** 1.5
    slowest = (sample_j - limit_w * least**3 / most**2) / most
    between = np.where(free > 2 * limit_w, at_limit, free)
    return np.maximum(np.where(free < 2 * limit_w * (least / most) ** 3, slowest, between), 0.0)


def least_energy(
    costs: Costs, delay_s: float, samples: float, n_rounds: float, device_samples: float
) -> Least:
    """Give the least energy of so many samples on the server, and of the devices in N rounds."""
    totals = samples, n_rounds, device_samples
    prices = costs.server_sample_j, costs.round_j, costs.sample_j
    energy = sum(price * total for price, total in zip(prices, totals, strict=True))
    energy = energy - costs.delay_w * delay_s
    at = int(np.clip(np.argmax(energy), 1, energy.size - 2))
    # Between the tried prices: the top of a parabola, and what is linear there.
    below, here, above = energy[at - 1 : at + 2]
    bend = below - 2 * here + above
    step = float(np.clip(0.5 * (below - above) / bend, -1, 1)) if bend < 0 else 0.0
    other = at + (1 if step > 0 else -1)

    def between(values: Array) -> Array:
        return values[at] + abs(step) * (values[other] - values[at])

    server_sample_j, round_j, sample_j = (float(between(price)) for price in prices)
    return Least(
        float(here - 0.25 * (below - above) * step),
        server_sample_j,
        round_j,
        sample_j,
        between(costs.second_device_w),
    )


def spread(work: Workload, scheme: Scheme, second_device_w: Array, total: Array) -> Array:
    """Share rounds' samples among the devices so that all end at once, (R,) to (R, K)."""
    watts = np.maximum(second_device_w, 0.0)
    sample_s = work.devices.least_s + np.zeros_like(watts)
    upload_s = work.uplink.least_s + np.zeros_like(watts)
    if not scheme.fixed_clock:
        sample_s = work.devices.time_for_price_s(watts)
    if not scheme.fixed_power:
        upload_s = work.uplink.time_for_price_s(watts)
    fixed_s = work.download_s + upload_s
    speed = 1 / sample_s
    round_s = (total + (fixed_s * speed).sum()) / speed.sum()
    return (round_s[:, np.newaxis] - fixed_s) * speed
