"""Branch and bound, held against exhaustive search and against 500 systems of every size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import least_energy
from small_systems import THREE, exhaustive, small_system
from strategies import random_scenario, scenarios

from baselines import SCHEMES, plan
from baselines.two_stage.box import DEVICES, whole_box
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import CERTIFIED
from baselines.two_stage.search import GAP, search
from baselines.two_stage.times import RESERVE
from edgegym import evaluate, load_scenario


def scheme_of(seed):
    return list(SCHEMES.values())[seed % 6]


@pytest.fixture(scope="module")
def planned():
    """Plans of systems whose every physical value spans four orders of magnitude."""
    return {seed: plan(random_scenario(seed), scheme_of(seed).name) for seed in range(500)}


def test_every_random_system_ends_optimal_or_infeasible_or_says_that_it_is_inaccurate(planned):
    for seed, result in planned.items():
        if result.plan is None:
            assert result.status == "infeasible", seed
        else:
            certified = result.relaxed.gap <= CERTIFIED
            assert result.status == ("optimal" if certified else "inaccurate"), seed
            assert certified != ("stopped short" in result.message), seed
    assert sum(result.status == "inaccurate" for result in planned.values()) <= 5


def test_plans_of_random_systems_keep_every_limit(planned):
    for seed, result in planned.items():
        if result.plan is not None:
            assert evaluate(result.plan, random_scenario(seed)).violations == {}, seed


def test_where_a_random_system_is_infeasible_not_one_round_fits(planned):
    infeasible = [seed for seed, result in planned.items() if result.status == "infeasible"]
    for seed in infeasible:
        s, scheme = random_scenario(seed), scheme_of(seed)
        batch, batch_k = 1, np.ones(s.n_devices)
        if scheme.fixed_batch:
            batch, batch_k = s.pretrain_batch_size_limit, s.finetune_batch_size_limit
        for m, n in [(1, 0)] * scheme.pretrains + [(0, 1)] * scheme.finetunes:
            needed_j = least_energy(s, scheme, m, n, batch, batch_k, s.delay_budget_s)
            assert needed_j > s.energy_budget_j * (1 - 2 * RESERVE), seed
    assert 20 < len(infeasible) < 100


def test_bounds_of_random_systems_are_in_order(planned):
    feasible = [result for result in planned.values() if result.plan is not None]
    for result in feasible:
        assert result.proven_bound >= result.relaxed_bound * (1 - 1e-12)
        assert result.proven_bound <= result.gradient_norm_bound * (1 + 1e-9)
        assert result.gap >= -1e-6
    gaps = [result.gap for result in feasible]
    proven = [result.gradient_norm_bound / result.proven_bound - 1 for result in feasible]
    assert np.median(gaps) <= 0.02
    assert np.median(proven) <= GAP
    assert np.quantile(proven, 0.9) <= GAP


@pytest.fixture(scope="module")
def small():
    """The bound of exhaustive search and the planner's result, for sixty small systems."""
    pairs = []
    for seed in range(60):
        scheme = THREE[seed % 3]
        system = small_system(seed)
        pairs.append((exhaustive(system, SCHEMES[scheme]), plan(system, scheme)))
    return pairs


def test_a_small_system_has_a_plan_exactly_where_one_exists(small):
    for best, result in small:
        assert (result.plan is None) == math.isinf(best)


def test_plans_of_small_systems_equal_exhaustive_search(small):
    equal = [result.gradient_norm_bound <= best * (1 + 1e-9) for best, result in small]
    assert np.mean(equal) >= 0.95


def test_no_plan_of_a_small_system_is_below_the_proven_bound(small):
    for best, result in small:
        if result.plan is not None:
            assert result.proven_bound <= best * (1 + 1e-7)


@pytest.mark.parametrize("most_nodes", [1, 2, 5, 20])
def test_a_search_cut_short_proves_no_more_than_what_is_left_open(most_nodes, small, monkeypatch):
    monkeypatch.setattr("baselines.two_stage.search.MOST_NODES", most_nodes)
    for seed, (best, _) in enumerate(small):
        found = search(pose(small_system(seed), SCHEMES[THREE[seed % 3]]))
        assert found.proven_bound <= best * (1 + 1e-7)
        assert found.rounded is None or found.rounded.gradient_norm_bound >= best * (1 - 1e-9)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("name", ["digits", "mnist", "cinic10-cifar10"])
def test_shipped_scenarios_are_planned_to_a_proven_tenth_of_a_percent(name, scheme):
    found = search(pose(load_scenario(name), scheme))
    assert found.rounded.gradient_norm_bound <= found.proven_bound / (1 - GAP) * (1 + 1e-9)
    assert found.proven_bound >= found.relaxed.lower_bound


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_system_that_hardly_fits_one_round_runs_it(scheme):
    s = load_scenario("mnist")
    batch, batch_k = (700, np.full(3, 700)) if scheme.fixed_batch else (1, np.ones(3))
    stage = (1, 0) if scheme.pretrains else (0, 1)
    needed_j = least_energy(s, scheme, *stage, batch, batch_k, s.delay_budget_s * (1 - RESERVE))
    enough = s.replace(energy_budget_j=needed_j * (1 + 3 * RESERVE))
    found = search(pose(enough, scheme))
    assert found.rounded.integers[:2].tolist() == list(stage)
    assert found.proven_bound <= found.rounded.gradient_norm_bound
    assert search(pose(s.replace(energy_budget_j=needed_j * 0.999), scheme)).rounded is None


@given(st.data())
def test_the_halves_of_a_box_part_its_integers(data):
    scenario = data.draw(scenarios(decades=0))
    box = whole_box(scenario, SCHEMES["joint"])
    index = data.draw(st.integers(0, len(box.low) - 1))
    value = data.draw(st.floats(box.low[index], np.nextafter(box.high[index], -np.inf)))
    below, above = box.split(index, value)
    for integer in np.arange(box.low[index], min(box.high[index], 700) + 1):
        inside = [part.low[index] <= integer <= part.high[index] for part in (below, above)]
        assert sum(inside) == 1
    others = np.arange(len(box.low)) != index
    for part in (below, above):
        assert np.array_equal(part.low[others], box.low[others])
        assert np.array_equal(part.high[others], box.high[others])


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_scheme_may_do_what_its_box_holds(scheme):
    s, box = load_scenario("mnist"), whole_box(load_scenario("mnist"), scheme)
    assert box.high[:2].tolist() == [1000 * scheme.pretrains, 3000 * scheme.finetunes]
    assert box.high[2:].tolist() == [700, 2100, 700, 700, 700]
    lowest = box.high[2:] if scheme.fixed_batch else [1, 3, 1, 1, 1]
    assert box.low[2:].tolist() == list(lowest)
    assert not box.empty and s.n_devices == len(box.low) - DEVICES


@pytest.mark.parametrize(
    ("index", "low", "high"),
    [
        (0, 5.0, 4.0),  # limits the wrong way round
        (3, 2101.0, 2101.0),  # more samples than the devices may take
        (3, 1.0, 2.0),  # fewer than one for each device
    ],
)
def test_a_box_without_integers_is_empty(index, low, high):
    box = whole_box(load_scenario("mnist"), SCHEMES["joint"])
    box.low[index], box.high[index] = low, high
    assert box.empty
