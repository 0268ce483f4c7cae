"""The Newton times against a search that tries every round time and every split of it."""

import numpy as np
import pytest
from reference import least_energy
from strategies import random_scenario

from baselines import SCHEMES
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from baselines.two_stage.times import cheapest_times
from baselines.two_stage.workload import workload


def relative_excess(seed, decades):
    """Energy of the Newton times above the reference's, for one random case."""
    scenario = random_scenario(seed, decades, n_devices=1 + seed % 5)
    scheme, work = list(SCHEMES.values())[seed % 6], workload(scenario)
    rng = np.random.default_rng(seed)
    m, n = rng.integers(0, 30, 2) * (scheme.pretrains, scheme.finetunes)
    batch, batch_k = rng.integers(1, 300), rng.integers(1, 300, scenario.n_devices)
    round_s = np.max(work.download_s + work.devices.least_s * batch_k + work.uplink.least_s)
    shortest_s = max(m * work.server.least_s * batch + n * round_s, 1e-3)
    budget_s = shortest_s * 10 ** rng.uniform(0.001, 2)
    newton = cheapest_times(
        work,
        scheme,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
        delay_budget_s=budget_s,
    )
    slow = least_energy(scenario, scheme, m, n, batch, batch_k, budget_s)
    return float(newton.energy_j / slow - 1) if m + n else float(newton.energy_j - slow)


@pytest.fixture(scope="module")
def excesses():
    return np.array([relative_excess(seed, decades=1.0) for seed in range(300)])


def test_no_search_finds_less_energy(excesses):
    assert excesses.max() <= 1e-6


def test_the_energy_is_never_below_the_least(excesses):
    assert excesses.min() >= -1e-9


@pytest.mark.parametrize("seed", range(30))
def test_no_search_finds_less_energy_at_the_integers_below_a_relaxed_optimum(seed):
    scenario, scheme = random_scenario(seed), list(SCHEMES.values())[seed % 6]
    relaxed = relax(pose(scenario, scheme))
    if relaxed is None:
        return
    m, n, batch, _, *batch_k = np.floor(relaxed.integers + 1e-6)
    batch, batch_k = np.maximum(batch, 1), np.maximum(batch_k, 1)
    newton = cheapest_times(
        workload(scenario),
        scheme,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
        delay_budget_s=scenario.delay_budget_s,
        prices=relaxed.prices,
    )
    slow = least_energy(scenario, scheme, m, n, batch, batch_k, scenario.delay_budget_s)
    assert newton.energy_j == pytest.approx(slow, rel=1e-6)


def test_the_reference_agrees_with_what_is_known_in_closed_form():
    scenario, scheme = random_scenario(0, n_devices=2), SCHEMES["pretrain-only"]
    s, f = scenario, scenario.server_clock_limit_hz / 7
    delay_s = 5 * 40 * s.flop_per_sample / (s.server_flop_per_cycle * f)
    energy_j = s.server_pue * s.server_power_coefficient_w_per_hz3 * f**3 * delay_s
    assert least_energy(s, scheme, 5, 0, 40, np.ones(2), delay_s) == pytest.approx(energy_j)
    assert least_energy(s, scheme, 5, 0, 40, np.ones(2), 0.1 * delay_s) == np.inf
