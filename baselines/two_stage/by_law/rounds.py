"""Whole rounds and samples, with the clocks and powers that are cheapest for each of them."""

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

#: Halvings of the factor by which the batches of a plan are made to fit, and its largest value.
HALVINGS, MOST = 12, 1.05
#: Worth of a second, in joules, between which budgets are looked for, and how near is enough.
LEAST_W, MOST_W, NEAR = 1e-9, 1e9, 1e-5


class Timed(NamedTuple):
    """Times of every round, and what they cost together."""

    server_s: Array  # (M,)
    computing_s: Array  # (N, K)
    upload_s: Array  # (N, K)
    delay_s: float
    energy_j: float


def time_rounds(problem: Problem, pretrain: Array, finetune: Array, second_w: float) -> Timed:
    """Give every round the time at which a second saves so many joules."""
    work, scheme = problem.work, problem.scheme
    sample_s = work.server.least_s
    if not scheme.fixed_clock:
        sample_s = work.server.time_for_price_s(second_w)
    server_s = sample_s * pretrain
    kinds, kind = np.unique(finetune, axis=0, return_inverse=True)
    computing_s, upload_s = times_at_price(work, scheme, kinds, second_w)
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
    return Timed(server_s, computing_s, upload_s, delay_s, float(energy_j))


def cheapest(problem: Problem, pretrain: Array, finetune: Array) -> Timed | None:
    """Give rounds the times that keep the delay budget with the least energy.

    Parameters
    ----------
    problem : what is planned
    pretrain : (M,) samples
    finetune : (N, K) samples

    Returns
    -------
    None where even at full speed they take too long
    """
    delay_s = problem.scenario.delay_budget_s * (1 - RESERVE)

    def at(log_w: float) -> Timed:
        return time_rounds(problem, pretrain, finetune, np.exp(log_w))

    def late(log_w: float) -> float:
        return at(log_w).delay_s / delay_s - 1

    low, high = np.log([max(problem.scenario.static_power_w, LEAST_W), MOST_W])
    if late(high) > 0:
        return None
    if late(low) > 0:
        low = float(brentq(late, low, high, xtol=NEAR))
    while late(low) > 0:
        low += NEAR
    return at(low)


def fit(problem: Problem, costs: Costs, ranges: tuple[Range, Range], shapes: Shapes) -> Plan | None:
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
    best, low, high, factor = None, 0.0, MOST, 1.0
    for _ in range(HALVINGS):
        pretrain, total = (
            np.clip(np.rint(size * factor), reach.least, reach.most)
            for size, reach in zip(stages, ranges, strict=True)
        )
        real = spread(problem.work, problem.scheme, least.second_device_w, total)
        finetune = shared_out(real, total, problem.scenario.finetune_batch_size_limit)
        timed = cheapest(problem, pretrain, finetune)
        if timed and timed.energy_j <= problem.scenario.energy_budget_j * (1 - RESERVE):
            best, low = as_plan(problem, pretrain, finetune, timed), factor
        else:
            high = factor
        factor = (low + high) / 2
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


def as_plan(problem: Problem, pretrain: Array, finetune: Array, timed: Timed) -> Plan:
    """Write times as the clocks and powers that need exactly so long."""
    s = problem.scenario
    return Plan(
        pretrain_batch_size=pretrain.astype(int),
        server_clock_hz=server_clock_hz(s, pretrain, timed.server_s),
        finetune_batch_size=finetune.astype(int),
        device_clock_hz=device_clock_hz(s, finetune, timed.computing_s),
        device_tx_power_w=device_tx_power_w(s, timed.upload_s, s.uplink_gain),
    )
