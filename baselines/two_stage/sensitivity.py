"""What a looser limit would bring: shadow prices of the budgets, and the limits that bind."""

from typing import NamedTuple

import numpy as np

from baselines.two_stage.box import (
    DEVICES,
    FINETUNE_ROUNDS,
    PRETRAIN_BATCH,
    PRETRAIN_ROUNDS,
)
from baselines.two_stage.prices import Prices
from baselines.two_stage.problem import Problem
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.workload import NEARLY_FREE

#: Share of a limit or of the bound's numerator below which something is nothing, and the rounds
#: below which a stage is not run.
NOTHING, NO_ROUNDS = 1e-5, 1e-2
#: Share of static power's price up to which a second is worth what it draws, and no more.
LEVEL = 1e-2


class Sensitivity(NamedTuple):
    """Fall of the relaxed bound per second and per joule, and the scenario keys that hold it up."""

    bound_per_s: float
    bound_per_j: float
    binding: tuple[str, ...]


def sensitivity(problem: Problem, relaxed: Relaxation) -> Sensitivity:
    """Read the relaxation's prices: what one more second or joule takes off the bound (34).

    What a scheme holds at its limit by definition is not listed.

    Examples
    --------
    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.relaxation import relax
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> s, scheme = load_scenario("mnist"), find_scheme("joint")
    >>> problem = pose(s, scheme)
    >>> found = sensitivity(problem, relax(problem))
    >>> found.binding
    ('delay_budget_s', 'energy_budget_j', 'max_pretrain_rounds', 'device_clock_limit_hz')
    >>> more = relax(pose(s.replace(delay_budget_s=1001.0), scheme))
    >>> fall = relax(problem).gradient_norm_bound - more.gradient_norm_bound
    >>> bool(np.isclose(found.bound_per_s, fall, rtol=0.01))
    True
    """
    if relaxed.prices is None:
        return Sensitivity(np.nan, np.nan, ())
    return Sensitivity(
        bound_per_s=float(_worth_of_a_second(problem, relaxed.prices) / relaxed.n_averaged),
        bound_per_j=float(relaxed.prices.energy_per_j / relaxed.n_averaged),
        binding=tuple(key for key, binds in _limits(problem, relaxed).items() if binds),
    )


def _worth_of_a_second(problem: Problem, prices: Prices) -> float:
    """Give what a second is worth beyond the static energy that it takes."""
    drawn = problem.scenario.static_power_w * prices.energy_per_j
    worth = prices.delay_per_s - drawn
    return worth if worth > LEVEL * drawn else 0.0


def _limits(problem: Problem, relaxed: Relaxation) -> dict[str, bool]:
    s, scheme, work, prices = problem.scenario, problem.scheme, problem.work, relaxed.prices
    assert prices is not None
    share = relaxed.integers >= problem.box.high * (1 - NOTHING)
    pretrains = scheme.pretrains and relaxed.n_pretrain_rounds > NO_ROUNDS
    finetunes = scheme.finetunes and relaxed.n_finetune_rounds > NO_ROUNDS
    per_j = max(prices.energy_per_j, NEARLY_FREE)
    server_w, device_w = prices.delay_per_s / per_j, prices.device_delay_per_s / per_j
    nothing = NOTHING * relaxed.gradient_norm_bound * relaxed.n_averaged
    # At its limit a part would pay more for a second than the second is worth elsewhere.
    clock = not scheme.fixed_clock
    power = np.any(device_w >= work.uplink.price_w(work.uplink.least_s)) and not scheme.fixed_power
    mean_is_lower = s.device_tx_power_mean_limit_w < s.device_tx_power_peak_limit_w
    return {
        "delay_budget_s": _worth_of_a_second(problem, prices) * s.delay_budget_s > nothing,
        "energy_budget_j": prices.energy_per_j * s.energy_budget_j > nothing,
        "max_pretrain_rounds": pretrains and bool(share[PRETRAIN_ROUNDS]),
        "max_finetune_rounds": finetunes and bool(share[FINETUNE_ROUNDS]),
        "pretrain_batch_size_limit": pretrains
        and bool(share[PRETRAIN_BATCH])
        and not scheme.fixed_batch,
        "finetune_batch_size_limit": finetunes
        and bool(share[DEVICES:].any())
        and not scheme.fixed_batch,
        "server_clock_limit_hz": pretrains and clock and bool(server_w >= 2 * work.server.limit_w),
        "device_clock_limit_hz": finetunes
        and clock
        and bool(np.any(device_w >= 2 * work.devices.limit_w)),
        "device_tx_power_mean_limit_w": finetunes and bool(power and mean_is_lower.any()),
        "device_tx_power_peak_limit_w": finetunes and bool(power and not mean_is_lower.all()),
    }
