import math

import numpy as np
import pytest
from cooperative_problems import random_scenario
from hypothesis import given
from hypothesis import strategies as st

from edgegym import load_scenario
from edgegym.systems.cooperative.costs import round_cost, taken
from edgegym.systems.cooperative.worked import worked_scenario

DEFAULT = load_scenario("cooperative-digits")
MATCHING = [8, 6, 7, 1, 5, 2]


def slow_cost(s, block_device, share, batch_size):
    """One device after another, in plain Python."""
    involved = sorted(set(block_device))
    total = sum(share[k] for k in involved)
    rates = [
        s.downlink_bandwidth_hz
        * math.log2(
            1
            + s.server_tx_power_w
            * s.downlink_gain[k]
            / (s.downlink_bandwidth_hz * s.device_noise_psd_w_per_hz[k])
        )
        for k in range(s.n_devices)
    ]
    down_s = s.n_blocks * s.update_size_bits / min(rates)
    delays, energy_j = [0.0] * s.n_devices, s.server_tx_power_w * down_s
    for k in involved:
        own = [n + 1 for n, device in enumerate(block_device) if device == k]
        free = s.device_memory_bytes[k] - s.model_bytes - len(own) * s.block_state_bytes
        samples = min(batch_size, math.floor(free / s.activation_bytes_per_sample[max(own) - 1]))
        flop = s.forward_flop_per_sample + s.backward_flop_per_sample[max(own) - 1]
        flop += len(own) * s.gradient_flop_per_sample
        cycles = samples * flop / s.device_flop_per_cycle[k]
        band_hz = share[k] / total * s.uplink_bandwidth_hz
        if s.uplink_efficiency_bps_per_hz is None:
            snr = (
                s.device_tx_power_w[k] * s.uplink_gain[k] / (band_hz * s.server_noise_psd_w_per_hz)
            )
            rate = band_hz * math.log2(1 + snr)
        else:
            rate = band_hz * s.uplink_efficiency_bps_per_hz[k]
        up_s = len(own) * s.update_size_bits / rate
        delays[k] = cycles / s.device_clock_hz[k] + up_s
        watts = s.device_power_coefficient_w_per_hz3[k] * s.device_clock_hz[k] ** 3
        energy_j += s.device_pue[k] * watts * cycles / s.device_clock_hz[k]
        energy_j += s.device_tx_power_w[k] * up_s
    return down_s + max(delays), energy_j, delays


@given(st.integers(0, 2**32 - 1), st.integers(1, 100), st.booleans())
def test_a_round_costs_what_a_loop_over_the_devices_says(seed, batch_size, alone):
    rng = np.random.default_rng(seed)
    s = random_scenario(rng).replace(device_memory_bytes=rng.uniform(1e6, 5e6))
    who = rng.permutation(s.n_devices)[: s.n_blocks]
    who = np.full(s.n_blocks, who[0]) if alone else who
    share = rng.dirichlet(np.ones(s.n_devices))
    cost = round_cost(s, block_device=who, bandwidth_share=share, batch_size=batch_size)
    delay_s, energy_j, delays = slow_cost(s, who.tolist(), share, batch_size)
    assert float(cost.delay_s) == pytest.approx(delay_s, rel=1e-9)
    assert float(cost.energy_j) == pytest.approx(energy_j, rel=1e-9)
    np.testing.assert_allclose(cost.device_delay_s, delays, rtol=1e-9)


def test_the_worked_case_takes_what_was_worked_out():
    cost = round_cost(
        worked_scenario(),
        block_device=[2, 1, 3],
        batch_size=1,
        bandwidth_share=[0, 0.61862, 1.01270, 0.36868],
    )
    assert float(cost.delay_s) == pytest.approx(3.474918, abs=2e-5)
    assert cost.device_delay_s[1:] == pytest.approx([3.474918] * 3, abs=2e-5)


def test_time_and_memory_grow_with_the_depth():
    one = worked_scenario().replace(device_memory_bytes=9.0)
    orders = [[0, 1, 2], [1, 0, 2], [1, 2, 0]]
    cost = round_cost(one, block_device=orders, bandwidth_share=[1, 1, 1, 0], batch_size=1)
    assert np.all(np.diff(cost.device_delay_s[:, 0]) > 0)


def test_rounds_are_costed_along_leading_axes():
    rounds = np.array([MATCHING, [9] * 6])
    gains = np.stack([DEFAULT.uplink_gain, 2 * DEFAULT.uplink_gain])
    more = {"bandwidth_share": np.full(10, 0.1), "batch_size": np.array([16, 20])}
    both = round_cost(DEFAULT, block_device=rounds, uplink_gain=gains, **more)
    for row in range(2):
        one = round_cost(
            DEFAULT,
            block_device=rounds[row],
            uplink_gain=gains[row],
            bandwidth_share=more["bandwidth_share"],
            batch_size=more["batch_size"][row],
        )
        assert float(both.delay_s[row]) == float(one.delay_s)
        assert float(both.energy_j[row]) == float(one.energy_j)


def test_shares_of_those_without_a_block_are_those_of_the_others():
    idle = np.full(10, 0.1)
    idle[[0, 3, 4, 9]] = 0.0
    costs = [
        round_cost(DEFAULT, block_device=MATCHING, bandwidth_share=share, batch_size=16)
        for share in (np.full(10, 0.1), idle)
    ]
    assert float(costs[0].delay_s) == pytest.approx(float(costs[1].delay_s), rel=1e-12)
    assert not costs[0].device_delay_s[[0, 3, 4, 9]].any()


def test_a_device_takes_as_many_samples_as_it_holds():
    sizes = taken(DEFAULT, MATCHING, 64).batch_size
    free = DEFAULT.device_memory_bytes[2] - DEFAULT.model_bytes - DEFAULT.block_state_bytes
    assert sizes[2] == math.floor(free / DEFAULT.activation_bytes_per_sample[5]) < 64
    assert (taken(DEFAULT, MATCHING, 16).batch_size[MATCHING] == 16).all()
