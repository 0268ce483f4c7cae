"""Systems of few rounds and samples, and the best plan of all that fit."""

import math

import numpy as np
from strategies import random_scenario

from baselines.two_stage.times import RESERVE, cheapest_times
from baselines.two_stage.workload import workload
from edgegym import Plan, evaluate
from edgegym.systems.two_stage.bound import gradient_norm_bound

THREE = "joint", "fixed-power", "fixed-clock"


def small_system(seed):
    """Two devices, up to twelve rounds and samples, and the budgets that a random plan spends."""
    rng, s = np.random.default_rng(seed), random_scenario(seed, decades=1.0, n_devices=2)
    limits = rng.integers(2, 13, 5)
    peak_w = np.minimum(s.device_tx_power_peak_limit_w, s.device_tx_power_mean_limit_w)
    drawn = Plan.constant(
        n_pretrain_rounds=rng.integers(0, limits[0] + 1),
        n_finetune_rounds=rng.integers(1, limits[1] + 1),
        pretrain_batch_size=rng.integers(1, limits[2] + 1),
        finetune_batch_size=rng.integers(1, limits[3:] + 1),
        server_clock_hz=s.server_clock_limit_hz * rng.uniform(0.2, 1),
        device_clock_hz=s.device_clock_limit_hz * rng.uniform(0.2, 1, 2),
        device_tx_power_w=peak_w * rng.uniform(0.2, 1, 2),
    )
    outcome = evaluate(drawn, s)
    return s.replace(
        delay_budget_s=outcome.total_delay_s * 1.00001,
        energy_budget_j=outcome.total_energy_j * 1.00001,
        initial_loss_gap=s.initial_loss_gap * 10 ** rng.uniform(-3, 0),
        max_pretrain_rounds=int(limits[0]),
        max_finetune_rounds=int(limits[1]),
        pretrain_batch_size_limit=int(limits[2]),
        finetune_batch_size_limit=limits[3:],
    )


def exhaustive(s, scheme):
    """The least bound of all integers that fit, tried from the lowest bound on."""
    work = workload(s)
    limits = (s.pretrain_batch_size_limit, *s.finetune_batch_size_limit)
    ranges = [np.arange(s.max_pretrain_rounds + 1), np.arange(s.max_finetune_rounds + 1)]
    ranges += [np.arange(1, limit + 1) for limit in limits]
    m, n, batch, *batch_k = (axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij"))
    bounds = gradient_norm_bound(
        s,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_inverse_batch_sum=m / batch,
        finetune_inverse_batch_sum=n / sum(batch_k),
    )
    order = np.argsort(bounds, kind="stable")[: np.count_nonzero(m + n)]
    for some in np.array_split(order, max(1, len(order) // 3000)):
        times = cheapest_times(
            work,
            scheme,
            n_pretrain_rounds=m[some],
            n_finetune_rounds=n[some],
            pretrain_batch_size=batch[some],
            finetune_batch_size=np.stack(batch_k, axis=1)[some],
            delay_budget_s=s.delay_budget_s * (1 - RESERVE),
        )
        fitting = np.flatnonzero(times.energy_j <= s.energy_budget_j * (1 - RESERVE))
        if len(fitting):
            return bounds[some[fitting[0]]]
    return math.inf
