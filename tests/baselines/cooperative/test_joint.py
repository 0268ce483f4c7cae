import numpy as np
import pytest
from cooperative_problems import matchings, random_scenario, slow_delay_s
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.cooperative.crunch import crunch
from baselines.cooperative.dual_ascent import plan_by_dual_ascent
from baselines.cooperative.joint import least_sum, plan_jointly
from baselines.cooperative.problem import as_problem, worked_problem
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.worked import worked_scenario

seeds = st.integers(0, 2**32 - 1)


def feasible(seed, **options):
    """A random scenario whose blocks can be dealt out."""
    rng = np.random.default_rng(seed)
    while blocks.lacking(scenario := random_scenario(rng, **options)):
        pass
    return scenario


def test_the_worked_case_has_the_optimum_that_was_worked_out():
    best, bound_s = plan_jointly(worked_problem())
    assert best.delay_s == pytest.approx(3.474918, abs=1e-6)
    assert best.matching.tolist() == [2, 1, 3]
    assert (2 * best.share).tolist() == pytest.approx([0, 0.61862, 1.01270, 0.36868], abs=1e-5)
    assert best.delay_s * (1 - 1e-8) < bound_s < best.delay_s


def test_the_worked_case_at_equal_bandwidth_takes_four_and_a_half():
    problem = worked_problem()
    matching, done_s = crunch(problem.compute_s + problem.equal_upload_s)
    assert done_s == pytest.approx(4.5, abs=1e-12)
    assert problem.with_equal_shares(matching).delay_s == pytest.approx(4.5, abs=1e-12)


@settings(max_examples=40)
@given(seeds)
def test_crunch_is_the_best_of_all_matchings(seed):
    problem = as_problem(feasible(seed))
    done_s = problem.compute_s + problem.equal_upload_s
    matching, slowest_s = crunch(done_s)
    every = [done_s[np.arange(len(m)), m].max() for m in matchings(feasible(seed))]
    assert slowest_s == min(every)
    assert done_s[np.arange(matching.size), matching].max() == slowest_s
    assert np.unique(matching).size == matching.size


@settings(max_examples=25)
@given(seeds)
def test_the_joint_optimum_is_the_best_of_all_matchings_at_their_best_shares(seed):
    scenario = feasible(seed, n_devices=None, n_blocks=None)
    problem = as_problem(scenario)
    best, bound_s = plan_jointly(problem)
    enumerated = min(slow_delay_s(problem, matching) for matching in matchings(scenario))
    assert best.delay_s == pytest.approx(enumerated, rel=1e-8)
    assert bound_s <= enumerated * (1 + 1e-10)
    assert best.share.sum() == pytest.approx(1)
    assert problem.done_s(best.matching, best.share) == pytest.approx(best.delay_s, rel=1e-9)


@settings(max_examples=25)
@given(seeds)
def test_bisection_over_the_latency_agrees(seed):
    problem = as_problem(feasible(seed, n_devices=20, n_blocks=8))
    best, _ = plan_jointly(problem)
    low, high = 0.0, 10 * best.delay_s
    for _ in range(60):
        middle = (low + high) / 2
        found = least_sum(problem.least_share(middle))
        low, high = (low, middle) if found is not None and found[1] <= 1 else (middle, high)
    assert best.delay_s == pytest.approx(high, rel=1e-8)


@settings(max_examples=25)
@given(seeds)
def test_dual_ascent_is_between_the_optimum_and_where_it_starts(seed):
    problem = as_problem(feasible(seed, n_devices=12, n_blocks=6))
    found = plan_by_dual_ascent(problem)
    start = problem.with_best_shares(crunch(problem.compute_s + problem.equal_upload_s)[0])
    assert plan_jointly(problem)[1] <= found.delay_s <= start.delay_s
    assert np.unique(found.matching).size == 6


def test_dual_ascent_comes_near_the_optimum_on_average():
    ratios = []
    for seed in range(30):
        problem = as_problem(feasible(seed, n_devices=6, n_blocks=4, efficiency=True))
        ratios.append(plan_by_dual_ascent(problem).delay_s / plan_jointly(problem)[0].delay_s)
    assert np.mean(ratios) < 1.01


@settings(max_examples=15)
@given(seeds, st.sampled_from(["bandwidth", "clock", "memory", "rate", "device"]))
def test_more_of_anything_makes_no_round_longer(seed, what):
    scenario = feasible(seed, efficiency=True)
    rng = np.random.default_rng(seed)
    k, factor = int(rng.integers(scenario.n_devices)), 1 + rng.exponential()

    def raised(key):
        values = getattr(scenario, key).copy()
        values[k] *= factor
        return {key: values.tolist()}

    changes = {
        "bandwidth": lambda: {"uplink_bandwidth_hz": factor * scenario.uplink_bandwidth_hz},
        "clock": lambda: raised("device_clock_hz"),
        "memory": lambda: raised("device_memory_bytes"),
        "rate": lambda: raised("uplink_efficiency_bps_per_hz"),
        "device": lambda: {"n_devices": scenario.n_devices + 1} | with_one_more(scenario),
    }[what]()
    before = plan_jointly(as_problem(scenario))[0].delay_s
    after = plan_jointly(as_problem(scenario.replace(**changes)))[0].delay_s
    assert after <= before * (1 + 1e-8)


def with_one_more(scenario):
    """Every device's value, and the first one's once more."""
    values = scenario.model_dump()
    return {
        key: [*value, value[0]]
        for key, value in values.items()
        if isinstance(value, list | np.ndarray)
        and len(value) == scenario.n_devices
        and not key.endswith("per_sample")
    }


def test_a_device_that_no_block_fits_takes_part_in_no_plan():
    scenario = worked_scenario().replace(device_memory_bytes=[2.9, 5.0, 4.0, 5.0])
    best, _ = plan_jointly(as_problem(scenario))
    assert 0 not in best.matching
    assert best.share[0] == 0
