import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partitioned_problems import random_scenario

from edgegym import load_scenario
from edgegym.systems.partitioned.costs import round_cost

DEFAULT = load_scenario("partitioned-digits")
EQUAL = {"downlink_share": np.full(10, 0.1), "uplink_share": np.full(10, 0.1)}


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
