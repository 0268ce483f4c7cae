import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scenarios

from baselines import SCHEMES
from baselines.two_stage.times import cheapest_times
from baselines.two_stage.workload import workload
from edgegym import load_scenario


def rounds(scenario, scheme, delay_budget_s, m=20, n=30, server=50, devices=40):
    return cheapest_times(
        workload(scenario),
        SCHEMES[scheme],
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=server,
        finetune_batch_size=np.full(scenario.n_devices, devices),
        delay_budget_s=delay_budget_s,
    )


def least_delay_s(scenario, m=20, n=30, server=50, devices=40):
    work = workload(scenario)
    round_s = work.download_s + work.devices.least_s * devices + work.uplink.least_s
    return m * work.server.least_s * server + n * round_s.max()


def energy_j(scenario, server_s, computing_s, upload_s, m=20, n=30, server=50, devices=40):
    work = workload(scenario)
    device_j = work.devices.energy_j(devices, computing_s) + work.uplink.energy_j(upload_s)
    return m * work.server.energy_j(server, server_s) + n * (work.download_j + device_j.sum())


@given(scenarios(decades=2), st.floats(1.01, 20))
def test_the_whole_budget_is_spent(scenario, slack):
    budget_s = slack * least_delay_s(scenario)
    times, work = rounds(scenario, "joint", budget_s), workload(scenario)
    round_s = work.download_s + times.computing_s + times.upload_s
    total_s = 20 * times.server_s + 30 * round_s.max()
    slowest_s = work.download_s + work.devices.most_s * 40 + work.uplink.most_s
    assert total_s <= budget_s * (1 + 1e-9)
    if times.server_s < work.server.most_s * 50 * (1 - 1e-9) and round_s.max() < slowest_s.max():
        assert total_s == pytest.approx(budget_s, rel=1e-9)
    assert round_s == pytest.approx(np.minimum(slowest_s, round_s.max()), rel=1e-9)


@given(st.data())
@settings(max_examples=30)
def test_no_other_split_of_the_time_costs_less(data):
    scenario = data.draw(scenarios(decades=1))
    budget_s = data.draw(st.floats(1.1, 10)) * least_delay_s(scenario)
    times, work = rounds(scenario, "joint", budget_s), workload(scenario)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    for _ in range(20):
        moved = times.computing_s * rng.uniform(0.8, 1.2, scenario.n_devices)
        moved = np.maximum(moved, work.devices.least_s * 40)
        best_s = (times.computing_s + times.upload_s + work.download_s).max()
        round_s = best_s * rng.uniform(0.9, 1.1)
        upload_s = round_s - work.download_s - moved
        server_s = (budget_s - 30 * round_s) / 20
        parts = (server_s, *moved, *upload_s)
        least = (work.server.least_s * 50, *(work.devices.least_s * 40), *work.uplink.least_s)
        most = (work.server.most_s * 50, *(work.devices.most_s * 40), *work.uplink.most_s)
        if np.any(np.less(parts, least) | np.greater(parts, most)):
            continue
        assert energy_j(scenario, server_s, moved, upload_s) >= times.energy_j * (1 - 1e-7)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_too_short_a_budget_costs_infinite_energy(scheme):
    scenario = load_scenario("mnist")
    shortest_s = least_delay_s(scenario)
    assert np.isinf(rounds(scenario, scheme, shortest_s * 0.999).energy_j)
    assert np.isfinite(rounds(scenario, scheme, shortest_s * 1.001).energy_j)


def test_a_scheme_keeps_its_powers_and_clocks_at_their_limits():
    scenario = load_scenario("mnist")
    work, budget_s = workload(scenario), 5 * least_delay_s(scenario)
    power = rounds(scenario, "fixed-power", budget_s)
    assert power.upload_s == pytest.approx(work.uplink.least_s)
    clock = rounds(scenario, "fixed-clock", budget_s)
    assert clock.computing_s == pytest.approx(work.devices.least_s * 40)
    assert clock.server_s == pytest.approx(work.server.least_s * 50)
    assert rounds(scenario, "joint", budget_s).energy_j < min(power.energy_j, clock.energy_j)


def test_many_candidates_at_once_equal_one_at_a_time():
    scenario = load_scenario("mnist")
    many = cheapest_times(
        workload(scenario),
        SCHEMES["joint"],
        n_pretrain_rounds=np.array([10, 20]),
        n_finetune_rounds=np.array([5, 0]),
        pretrain_batch_size=np.array([30, 40]),
        finetune_batch_size=np.array([[10, 20, 30], [1, 1, 1]]),
        delay_budget_s=20.0,
    )
    one = cheapest_times(
        workload(scenario),
        SCHEMES["joint"],
        n_pretrain_rounds=10,
        n_finetune_rounds=5,
        pretrain_batch_size=30,
        finetune_batch_size=np.array([10, 20, 30]),
        delay_budget_s=20.0,
    )
    assert many.energy_j[0] == one.energy_j
    assert np.array_equal(many.computing_s[0], one.computing_s)
