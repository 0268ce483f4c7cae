import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partitioned_problems import random_scenario

from edgegym import InputError, load_scenario
from edgegym.systems.partitioned.costs import evaluate, round_cost
from edgegym.systems.partitioned.plan import PartitionedPlan

DEFAULT = load_scenario("partitioned-digits")
EQUAL = {"downlink_share": np.full(10, 0.1), "uplink_share": np.full(10, 0.1)}


def plan_of(blocks=(1570,) * 5, **changes):
    return PartitionedPlan(**{"block_size": blocks, **EQUAL, **changes})


def slow_cost(s, blocks, downlink_share, uplink_share):
    """One worker after another, in plain Python."""
    delays, energy_j = [], 0.0
    for k, n in enumerate(s.group.tolist()):
        if not blocks[n]:
            delays.append(0.0)
            continue
        bits, rho_d, rho_u = blocks[n] * s.bits_per_parameter, downlink_share[k], uplink_share[k]
        if s.downlink_efficiency_bps_per_hz is None:
            noise_w = s.downlink_bandwidth_hz * s.worker_noise_psd_w_per_hz[k]
            efficiency = math.log2(1 + s.server_tx_power_w * s.downlink_gain[k] / noise_w)
        else:
            efficiency = s.downlink_efficiency_bps_per_hz[k]
        down_s = bits / (rho_d * s.downlink_bandwidth_hz * efficiency)
        if s.uplink_efficiency_bps_per_hz is None:
            noise_w = rho_u * s.uplink_bandwidth_hz * s.server_noise_psd_w_per_hz
            efficiency = math.log2(1 + s.worker_tx_power_w[k] * s.uplink_gain[k] / noise_w)
        else:
            efficiency = s.uplink_efficiency_bps_per_hz[k]
        up_s = bits / (rho_u * s.uplink_bandwidth_hz * efficiency)
        flop = s.flop_per_parameter_and_sample * blocks[n] * s.worker_batch_size[k]
        cycles = flop / s.worker_flop_per_cycle[k]
        delays.append(s.worker_overhead_s[k] + down_s + cycles / s.worker_clock_hz[k] + up_s)
        watts = s.worker_power_coefficient_w_per_hz3[k] * s.worker_clock_hz[k] ** 3
        energy_j += s.worker_pue[k] * watts * cycles / s.worker_clock_hz[k]
        energy_j += s.worker_tx_power_w[k] * up_s + rho_d * s.server_tx_power_w * down_s
    return max(delays), energy_j, delays


@given(st.integers(0, 2**32 - 1))
def test_a_round_costs_what_a_loop_over_the_workers_says(seed):
    rng = np.random.default_rng(seed)
    s = random_scenario(rng)
    blocks = rng.integers(0, 100, s.n_groups) * (rng.random(s.n_groups) < 0.8)
    shares = [rng.dirichlet(np.ones(s.n_workers)) for _ in range(2)]
    cost = round_cost(s, block_size=blocks, downlink_share=shares[0], uplink_share=shares[1])
    delay_s, energy_j, delays = slow_cost(s, blocks, *shares)
    assert float(cost.delay_s) == pytest.approx(delay_s, rel=1e-12)
    assert float(cost.energy_j) == pytest.approx(energy_j, rel=1e-12)
    np.testing.assert_allclose(cost.worker_delay_s, delays, rtol=1e-12)


def test_rounds_are_costed_along_leading_axes():
    blocks = np.array([[1570] * 5, [7850, 0, 0, 0, 0]])
    gains = np.stack([DEFAULT.uplink_gain, 2 * DEFAULT.uplink_gain])
    both = round_cost(DEFAULT, block_size=blocks, uplink_gain=gains, **EQUAL)
    for row in range(2):
        one = round_cost(DEFAULT, block_size=blocks[row], uplink_gain=gains[row], **EQUAL)
        assert float(both.delay_s[row]) == float(one.delay_s)
        assert float(both.energy_j[row]) == float(one.energy_j)


def test_a_group_without_a_block_needs_no_time_no_energy_and_no_share():
    share = np.r_[0.5, 0.5, np.zeros(8)]
    cost = round_cost(
        DEFAULT, block_size=[7850, 0, 0, 0, 0], downlink_share=share, uplink_share=share
    )
    assert np.isfinite(cost.delay_s) and not cost.worker_delay_s[2:].any()


def test_a_block_without_a_share_takes_forever():
    outcome = evaluate(plan_of(downlink_share=[0.0] * 10, uplink_share=[0.0] * 10), DEFAULT)
    assert outcome.n_rounds == 0 and outcome.violations["delay_budget_s"] == math.inf
    assert (outcome.total_delay_s, outcome.total_energy_j) == (0.0, 0.0)


def test_as_many_rounds_are_counted_as_fit_every_budget_and_limit():
    outcome = evaluate(plan_of(), DEFAULT)
    delay_s, energy_j = float(outcome.round.delay_s), float(outcome.round.energy_j)
    assert outcome.n_rounds == math.floor(20.0 / delay_s)
    exact = DEFAULT.replace(delay_budget_s=7 * delay_s, energy_budget_j=6 * energy_j)
    assert evaluate(plan_of(), exact).n_rounds == 6
    assert evaluate(plan_of(), exact.replace(energy_budget_j=None)).n_rounds == 7
    assert evaluate(plan_of(), DEFAULT.replace(max_rounds=5)).n_rounds == 5


def test_a_budget_below_one_round_is_a_violation_by_its_excess():
    delay_s = float(evaluate(plan_of(), DEFAULT).round.delay_s)
    outcome = evaluate(plan_of(), DEFAULT.replace(delay_budget_s=delay_s / 3))
    assert outcome.violations == {"delay_budget_s": pytest.approx(2.0)}
    assert outcome.n_rounds == 0


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (plan_of((7850,)), "made for the 5 groups .* got a plan for 1"),
        (plan_of((1, 2, 3, 4, 5)), "made for the 7850 parameters .* got a plan for 15"),
        (
            plan_of(downlink_share=[0.5], uplink_share=[0.5]),
            "made for the 10 workers of scenario 'partitioned-digits'; got a plan for 1",
        ),
        (plan_of(uplink_share=[0.05] * 10), "downlink_share and uplink_share must be equal"),
    ],
)
def test_a_plan_for_another_system_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        evaluate(plan, DEFAULT)


def test_separate_shares_may_differ():
    separate = DEFAULT.replace(bandwidth_sharing="separate")
    assert evaluate(plan_of(uplink_share=[0.05] * 10), separate).n_rounds > 0
