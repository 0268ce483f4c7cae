"""Whole rounds and samples, with the clocks and powers that are cheapest for each of them."""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from baselines.two_stage.by_law.budget import Costs, spread
from baselines.two_stage.by_law.shape import Range, Shape, Shapes, priced, rounds_of
from baselines.two_stage.physical import device_clock_hz, device_tx_power_w, server_clock_hz
from baselines.two_stage.problem import Problem
from baselines.two_stage.times import RESERVE, times_at_price
from edgegym.physics import Array
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Factors by which the batches of a plan are made to fit, from the first that does to the one
#: before it in so many halvings.
FACTORS, HALVINGS = (1.05, 0.95, 0.5, 0.0), 9
#: How near, in logarithms, the worth of a second is found that uses up the delay, how far from a
#: guess it is looked for first, and at all.
NEAR, ASIDE, FAR = 1e-5, 0.03, 40.0


class Timed(NamedTuple):
    """Batches and times of every round, and what they cost together."""

    pretrain: Array  # (M,) samples
    finetune: Array  # (N, K) samples
    second_device_w: Array  # (K,) joules that a second saves, by device
    server_s: Array  # (M,)
    computing_s: Array  # (N, K)
    upload_s: Array  # (N, K)
    delay_s: float
    energy_j: float


def time_rounds(
    problem: Problem, pretrain: Array, finetune: Array, second_device_w: Array
) -> Timed:
    """Give every round the time at which a second saves so many joules on all devices together."""
    work, scheme = problem.work, problem.scheme
    sample_s = work.server.least_s
    if not scheme.fixed_clock:
        sample_s = work.server.time_for_price_s(second_device_w.sum())
    server_s = sample_s * pretrain
    kinds, kind = np.unique(finetune, axis=0, return_inverse=True)
    computing_s, upload_s = times_at_price(work, scheme, kinds, second_device_w)
    computing_s, upload_s = computing_s[kind.ravel()], upload_s[kind.ravel()]
    round_s = np.max(work.download_s + computing_s + upload_s, axis=-1, initial=0.0)
    delay_s = float(server_s.sum() + round_s.sum())
    energy_j = (
        work.server.energy_j(pretrain, server_s).sum()
        + work.devices.energy_j(finetune, computing_s).sum()
        + work.uplink.energy_j(upload_s).sum()
        + len(finetune) * work.download_j
        + problem.scenario.static_power_w * delay_s
    )
    return Timed(
        pretrain,
        finetune,
        second_device_w,
        server_s,
        computing_s,
        upload_s,
        delay_s,
        float(energy_j),
    )


def cheapest(
    problem: Problem, pretrain: Array, finetune: Array, second_device_w: Array
) -> Timed | None:
    """Give rounds the times that keep the delay budget with the least energy.

    Parameters
    ----------
    problem : what is planned
    pretrain : (M,) samples
    finetune : (N, K) samples
    second_device_w : (K,) about what a second saves

    Returns
    -------
    None where even at full speed they take too long
    """
    delay_s = problem.scenario.delay_budget_s * (1 - RESERVE)

    def at(log: float) -> Timed:
        return time_rounds(problem, pretrain, finetune, np.exp(log) * second_device_w)

    @cache
    def late(log: float) -> float:
        return at(log).delay_s / delay_s - 1

    least = -FAR
    if static_w := problem.scenario.static_power_w:  # a second is worth that at least
        least = float(np.log(static_w / second_device_w.sum()))
    low, high = max(-ASIDE, least), ASIDE
    while late(high) > 0 and high < FAR:
        low, high = high, 4 * high
    while late(low) <= 0 and low > least:
        low, high = max(4 * low - ASIDE, least), low
    if late(high) > 0:
        return None
    if late(low) > 0:
        low = float(brentq(late, low, high, xtol=NEAR))
    while late(low) > 0:
        low += NEAR
    return at(low)


def fit(
    problem: Problem, costs: Costs, ranges: tuple[Range, Range], shapes: Shapes
) -> Timed | None:
    """Find the largest batches of these shapes that fit the budgets in whole rounds and samples.

    Returns
    -------
    None where not even the least batches fit
    """
    stages = [
        rounds_of(Shape(float(np.rint(shape.n_rounds)), shape.knots)).batch_size for shape in shapes
    ]
    if not stages[0].size + stages[1].size:
        return None
    least = priced(costs, problem.scenario, [rounds_of(shape) for shape in shapes])
    watts = least.second_device_w

    def fitted(factor: float) -> Timed | None:
        nonlocal watts
        pretrain, total = (
            np.clip(np.rint(size * factor), reach.least, reach.most)
            for size, reach in zip(stages, ranges, strict=True)
        )
        real = spread(problem.work, problem.scheme, least.second_device_w, total)
        finetune = shared_out(real, total, problem.scenario.finetune_batch_size_limit)
        timed = cheapest(problem, pretrain, finetune, watts)
        if timed is None or timed.energy_j > problem.scenario.energy_budget_j * (1 - RESERVE):
            return None
        watts = timed.second_device_w
        return timed

    tried = ((factor, fitted(factor)) for factor in FACTORS)
    low, best = next((one for one in tried if one[1] is not None), (0.0, None))
    high = FACTORS[max(FACTORS.index(low) - 1, 0)]
    for _ in range(HALVINGS if best else 0):
        middle = (low + high) / 2
        timed = fitted(middle)
        low, high, best = (middle, high, timed) if timed else (low, middle, best)
    return best


def shared_out(real: Array, total: Array, most: Array) -> Array:
    """Round rows of real batches to whole ones, from 1 to the most, that add up to their total.

    Examples
    --------
    >>> shared_out(np.array([[2.6, 3.7, -0.3]]), np.array([6.0]), np.array([9, 9, 9])).tolist()
    [[2.0, 3.0, 1.0]]
    """
    sizes = np.clip(np.floor(real), 1, most)
    while np.any(left := total - sizes.sum(axis=1)):
        # One sample to, or from, the device that is furthest from its real batch.
        step = np.sign(left)[:, np.newaxis]
        room = np.where(step > 0, sizes < most, sizes > 1)
        gain = np.where(room, step * (real - sizes), -np.inf)
        device = gain.argmax(axis=1)
        sizes[np.arange(len(sizes)), device] += step[:, 0]
    return sizes


def as_plan(scenario: Scenario, timed: Timed, uplink_gain: Array) -> Plan:
    """Write times as the clocks and powers that need exactly so long over (K,) gains."""
    s = scenario
    return Plan(
        pretrain_batch_size=timed.pretrain.astype(int),
        server_clock_hz=server_clock_hz(s, timed.pretrain, timed.server_s),
        finetune_batch_size=timed.finetune.astype(int),
        device_clock_hz=device_clock_hz(s, timed.finetune, timed.computing_s),
        device_tx_power_w=device_tx_power_w(s, timed.upload_s, uplink_gain),
    )
