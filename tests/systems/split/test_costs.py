import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from split_problems import DEFAULT, random_scenario

from edgegym import InputError
from edgegym.systems.split.costs import averaging_cost, round_cost, start_cost
from edgegym.systems.split.plan import SplitPlan
from edgegym.systems.split.referee import evaluate

EQUAL = {"uplink_share": [0.25] * 4, "downlink_share": [0.25] * 4}


def plan_of(**changes):
    return SplitPlan(**{"layer": 2, "rank": 4, "batch_size": 8, **EQUAL, **changes})


def slow_round(s, layer, rank, batch, up_share, down_share):
    """One device after another, in plain Python, with the note's formulas."""
    h, f, tokens, n = s.width, s.feedforward_width, s.sequence_length, s.n_layers
    whole = 8 * h**2 + 4 * tokens * h + 4 * h * f
    if layer == 0 or layer > n:
        edge = tokens * n * whole if layer else 0.0
        cloud = tokens * n * whole - edge
        bits = 0.0
    else:
        link = 2 * (h * rank + rank**2) if rank else 0
        edge = tokens * ((layer - 1) * whole + 8 * h**2 + 4 * tokens * h + link)
        first = 2 * f * rank if rank else 2 * h * f
        cloud = tokens * (first + 2 * h * f + (n - layer) * whole)
        bits = s.bits_per_value * batch * tokens * (rank or h)
    up, down, energy = [], [], 0.0
    for k in range(s.n_devices):
        speed = s.device_clock_hz[k] * s.device_flop_per_cycle[k]
        forward_s = batch * edge / speed
        snr = s.device_tx_power_w[k] * s.uplink_gain[k]
        snr /= up_share[k] * s.uplink_bandwidth_hz * s.server_noise_psd_w_per_hz
        send_s = bits / (up_share[k] * s.uplink_bandwidth_hz * math.log2(1 + snr))
        snr = s.server_tx_power_w * s.downlink_gain[k]
        snr /= s.downlink_bandwidth_hz * s.device_noise_psd_w_per_hz[k]
        receive_s = bits / (down_share[k] * s.downlink_bandwidth_hz * math.log2(1 + snr))
        up.append(forward_s + send_s)
        down.append(receive_s + 2 * forward_s)
        watts = s.device_power_coefficient_w_per_hz3[k] * s.device_clock_hz[k] ** 3
        energy += s.device_pue[k] * watts * 3 * forward_s
        energy += s.device_tx_power_w[k] * send_s
        energy += s.server_tx_power_w * down_share[k] * receive_s
    cloud_s = 3 * s.n_devices * batch * cloud / (s.server_clock_hz * s.server_flop_per_cycle)
    watts = s.server_power_coefficient_w_per_hz3 * s.server_clock_hz**3
    return max(up) + cloud_s + max(down), energy + s.server_pue * watts * cloud_s, 2 * bits


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_a_round_costs_what_a_loop_over_the_devices_says(seed):
    s, rng = random_scenario(seed), np.random.default_rng(seed)
    layer, rank = s.splits()[rng.integers(len(s.splits()))]
    batch = int(rng.integers(1, s.batch_size_limit + 1))
    shares = [rng.dirichlet(np.ones(s.n_devices)) for _ in range(2)]
    cost = round_cost(s, layer, rank, batch, *shares, s.uplink_gain, s.downlink_gain)
    delay_s, energy_j, bits = slow_round(s, layer, rank, batch, *shares)
    assert float(cost.delay_s) == pytest.approx(delay_s, rel=1e-9)
    assert float(cost.energy_j) == pytest.approx(energy_j, rel=1e-9)
    assert float(cost.traffic_bits) == pytest.approx(s.n_devices * bits)


def test_rounds_are_costed_along_leading_axes():
    layers, ranks, sizes = np.array([0, 2, 5, 3]), np.array([0, 4, 0, 0]), np.array([8, 3, 1, 8])
    shares, gains = np.full((4, 4), 0.25), np.stack([DEFAULT.uplink_gain * n for n in range(1, 5)])
    together = round_cost(DEFAULT, layers, ranks, sizes, shares, shares, gains, gains)
    for i in range(4):
        alone = round_cost(
            DEFAULT, layers[i], ranks[i], sizes[i], shares[i], shares[i], gains[i], gains[i]
        )
        assert [float(values[i]) for values in together] == [float(value) for value in alone]


def test_what_begins_and_what_is_averaged_is_the_lower_half_or_the_samples():
    gains = DEFAULT.uplink_gain, DEFAULT.downlink_gain
    begins = [float(start_cost(DEFAULT, layer, 4, *gains).traffic_bits) for layer in range(6)]
    assert begins[0] == 600 * DEFAULT.sample_bits
    assert begins[2] == 32 * 17744 and begins[5] == 32 * 51754
    averaged = [float(averaging_cost(DEFAULT, n, 4, *gains).traffic_bits) for n in (0, 2, 5)]
    assert averaged == [0, 5 * 32 * 17744, 5 * 32 * 51754]  # four come in, one goes out to all


def test_a_plans_rounds_are_summed_with_its_beginning_and_every_averaging():
    gains = DEFAULT.uplink_gain, DEFAULT.downlink_gain
    scenario = DEFAULT.replace(max_rounds=60)
    outcome = evaluate(plan_of(), scenario)
    begin, averaged = (cost(DEFAULT, 2, 4, *gains) for cost in (start_cost, averaging_cost))
    assert outcome.n_rounds == 60
    for total, *parts in zip(
        (outcome.total_delay_s, outcome.total_energy_j, outcome.traffic_bits),
        *(outcome.round, begin, averaged),
        strict=True,
    ):
        assert total == pytest.approx(60 * parts[0] + parts[1] + 2 * parts[2])


def test_as_many_rounds_are_counted_as_fit():
    outcome = evaluate(plan_of(), DEFAULT.replace(max_rounds=60))
    for key, total in (
        ("delay_budget_s", outcome.total_delay_s),
        ("energy_budget_j", outcome.total_energy_j),
    ):
        assert evaluate(plan_of(), DEFAULT.replace(**{key: total})).n_rounds == 60
        assert evaluate(plan_of(), DEFAULT.replace(**{key: 0.999 * total})).n_rounds == 59


def test_what_is_broken_is_said_by_its_excess():
    first_s = evaluate(plan_of(), DEFAULT.replace(max_rounds=1)).total_delay_s
    poor = DEFAULT.replace(delay_budget_s=first_s / 3, device_memory_bytes=[1e6, 1e4, 1e6, 1e6])
    outcome = evaluate(plan_of(), poor)
    needed = 16 * 17744 + 8 * 8 * 32 * 34 * 2
    assert outcome.violations == {
        "delay_budget_s": pytest.approx(2.0),
        "device_memory_bytes": pytest.approx(needed / 1e4 - 1),
    }
    assert (outcome.n_rounds, outcome.total_delay_s, outcome.traffic_bits) == (0, 0.0, 0.0)


def test_without_a_share_it_takes_forever():
    outcome = evaluate(plan_of(uplink_share=[0.5, 0.5, 0.0, 0.0]), DEFAULT)
    assert outcome.n_rounds == 0 and outcome.violations["delay_budget_s"] == math.inf
    cloud = plan_of(layer=0, rank=0, uplink_share=[1.0, 0.0, 0.0, 0.0])
    assert evaluate(cloud, DEFAULT).n_rounds > 0  # nothing crosses but the samples


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (plan_of(uplink_share=[1.0], downlink_share=[1.0]), "4 devices .* got a plan for 1"),
        (plan_of(layer=9), r"layer must be one of 0, 1, 2, 3, 4, 5 .* got a plan with 9"),
        (plan_of(rank=3), r"rank must be one of 0, 1, 2, 4, 8, 16 .* got a plan with 3"),
        (plan_of(batch_size=33), "batch_size must be at least 4 and at most 32 .* plan with 33"),
        (plan_of(batch_size=3), "batch_size must be at least 4 and at most 32 .* plan with 3"),
    ],
)
def test_a_plan_for_another_system_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        evaluate(plan, DEFAULT)
    with pytest.raises(InputError, match="layer must be one of 1, 2, 3, 4, 5"):
        evaluate(plan_of(layer=0), DEFAULT.replace(keep_samples=True))
