"""The worked values are those of the project's note on related systems, computed independently."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partitioned_problems import MODES, problems, random_problem
from scipy.optimize import brentq, minimize

from baselines.links import Links
from baselines.partitioned.closed_form import closed_form, has_closed_form
from baselines.partitioned.joint import plan_jointly
from baselines.partitioned.one_sided import (
    equal_blocks,
    plan_blocks,
    plan_in_turn,
    plan_shares,
    proportional_blocks,
)
from baselines.partitioned.problem import Problem, example

pytestmark = pytest.mark.usefixtures("strict_numpy")
OVERHEAD = (0.5, 0.2, 1.0)


def is_worth(found, delay_s, blocks, shares):
    assert found.delay_s == pytest.approx(delay_s, abs=5.1e-6)
    np.testing.assert_allclose(found.blocks, blocks, atol=5.1e-6)
    for band in found.shares:
        np.testing.assert_allclose(band, shares, atol=5.1e-6)


@pytest.mark.parametrize("separate", [False, True])
def test_the_worked_values(separate):
    problem, third = example(separate), [1 / 3] * 3
    equal, proportional = equal_blocks(problem), proportional_blocks(problem)
    assert problem.delay_s(equal, problem.equal_shares) == pytest.approx(7.66667, abs=5.1e-6)
    bapa = plan_blocks(problem, problem.equal_shares)
    is_worth(bapa, 6.06790, [3.79243, 2.63822, 3.56935], third)
    is_worth(plan_shares(problem, equal), 7.23218, [10 / 3] * 3, [0.17099, 0.58944, 0.23957])
    paba = plan_shares(problem, proportional)
    is_worth(paba, 5.85714, [2.85714, 1.42857, 5.71429], [0.19048, 0.04762, 0.76190])
    best, _ = plan_jointly(problem)
    is_worth(best, 5.57488, [3.30034, 1.98327, 4.71639], [0.29020, 0.12331, 0.58649])
    is_worth(closed_form(problem), best.delay_s, best.blocks, best.shares[0])
    late, _ = plan_jointly(example(separate, OVERHEAD))
    is_worth(late, 6.24784, [3.46818, 2.19717, 4.33465], [0.30427, 0.13288, 0.56285])


@given(problems(decades=4.0))
def test_the_joint_optimum_is_below_the_rest_and_proven(problem):
    best, bound_s = plan_jointly(problem)
    assert bound_s <= best.delay_s <= bound_s * (1 + 1e-7)
    start = problem.delay_s(equal_blocks(problem), problem.equal_shares)
    bapa = plan_blocks(problem, problem.equal_shares)
    paba = plan_shares(problem, equal_blocks(problem))
    turns = plan_in_turn(problem)
    slack = 1 + 1e-9
    assert best.delay_s <= turns.delay_s * slack
    assert turns.delay_s <= min(bapa.delay_s, paba.delay_s) * slack
    assert max(bapa.delay_s, paba.delay_s) <= start * slack
    assert bound_s <= turns.delay_s * slack


@given(problems(decades=3.0))
def test_all_who_take_part_are_done_at_once(problem):
    best, _ = plan_jointly(problem)
    block = best.blocks[problem.group]
    part = block > 0
    seconds = problem.compute_s + problem.links.transfer_s(np.where(part, best.shares, 1.0))
    finish_s = (problem.overhead_s + block * seconds)[part]
    np.testing.assert_allclose(finish_s, best.delay_s, rtol=1e-8)
    assert best.blocks.sum() == pytest.approx(problem.n_parameters, rel=1e-12)
    np.testing.assert_allclose(best.shares.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("seed", [*range(60), 67, 869, 1353, 2303])
def test_workers_six_decades_apart_are_planned_for_and_proven(seed):
    """Where prices far off would jam at zero, or a step lead away from where they are best."""
    mode = MODES[seed % 4]
    problem = random_problem(np.random.default_rng(seed), mode, decades=6.0)
    best, bound_s = plan_jointly(problem)
    assert bound_s <= best.delay_s <= bound_s * (1 + 1e-6)


def slow_joint(problem):
    """Solve it with a general solver, in logarithms, from several starts."""
    n_groups, links = problem.first.size, problem.links
    size = n_groups + links.n_bands * problem.group.size
    scale = plan_blocks(problem, problem.equal_shares).delay_s

    def parts(z):
        blocks = problem.n_parameters * np.exp(z[1 : 1 + n_groups])
        return blocks, np.exp(z[1 + n_groups :]).reshape(links.n_bands, -1)

    def slack(z):
        blocks, shares = parts(z)
        seconds = problem.compute_s + links.transfer_s(shares)
        late = z[0] - (problem.overhead_s + blocks[problem.group] * seconds) / scale
        model = blocks.sum() / problem.n_parameters - 1
        return np.concatenate([late, [model], 1 - shares.sum(axis=1)])

    best = np.inf
    for seed in range(3):
        rng = np.random.default_rng(seed)
        start = np.r_[3.0, np.full(size, -np.log(problem.group.size)) + rng.normal(0, 0.3, size)]
        found = minimize(
            lambda z: z[0],
            start,
            constraints={"type": "ineq", "fun": slack},
            bounds=[(0.0, 50.0)] + [(-25.0, 0.0)] * size,
            method="SLSQP",
            options={"maxiter": 1000, "ftol": 1e-13},
        )
        if slack(found.x).min() > -1e-8:
            best = min(best, found.fun * scale)
    return best


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")
def test_a_general_solver_finds_nothing_better_and_comes_as_low(mode, seed):
    problem = random_problem(np.random.default_rng(seed), mode, workers=[1, 2, 1], decades=0.6)
    best, bound_s = plan_jointly(problem)
    with np.errstate(all="ignore"):
        slow_s = slow_joint(problem)
    assert slow_s >= bound_s * (1 - 1e-7)
    assert slow_s == pytest.approx(best.delay_s, rel=1e-5)


def test_the_price_equation_of_one_worker_a_group_gives_the_same():
    """Nested roots in plain Python: W_n = [(T-o) - sqrt(b(T-o)/price)]+/a, price, T."""
    problem = random_problem(np.random.default_rng(8), (False, False), workers=[1] * 5)
    a, o = problem.compute_s, problem.overhead_s
    b = problem.links.download_s + problem.links.upload_s

    def blocks(delay_s, price):
        left = np.maximum(delay_s - o, 0)
        return np.maximum(left - np.sqrt(b * left * price), 0) / a

    def largest(delay_s):
        left = np.maximum(delay_s - o, 1e-300)

        def used(log_price):
            block = blocks(delay_s, np.exp(log_price))
            return np.sum(block * b / (left - a * block)) - 1

        return blocks(delay_s, np.exp(brentq(used, -40, 40, xtol=1e-14))).sum()

    low = o.min() * (1 + 1e-6)
    delay_s = brentq(lambda t: largest(t) - problem.n_parameters, low, 1e4, xtol=1e-12)
    assert plan_jointly(problem)[0].delay_s == pytest.approx(delay_s, rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 12))
def test_the_closed_form_agrees(seed, separate, n_workers):
    rng = np.random.default_rng(seed)
    problem = random_problem(
        rng, (separate, False), workers=[1] * n_workers, decades=3.0, overhead=False
    )
    assert has_closed_form(problem)
    best, closed = plan_jointly(problem)[0], closed_form(problem)
    assert best.delay_s == pytest.approx(closed.delay_s, rel=1e-9)
    np.testing.assert_allclose(best.blocks, closed.blocks, atol=1e-4)
    with np.errstate(divide="ignore"):
        assert problem.delay_s(closed.blocks, closed.shares) == pytest.approx(closed.delay_s)


@pytest.mark.parametrize("overhead", [False, True])
def test_half_of_each_band_is_the_whole_of_one(overhead):
    rng = np.random.default_rng(9)
    problem = random_problem(rng, (False, False), workers=[2, 1, 3], overhead=overhead)
    half = (problem.links.download_s + problem.links.upload_s) / 2
    two = problem._replace(links=Links(half, half, None, separate=True))
    first, second = plan_jointly(problem)[0], plan_jointly(two)[0]
    assert first.delay_s == pytest.approx(second.delay_s, rel=1e-9)
    np.testing.assert_allclose(first.blocks, second.blocks, rtol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_without_overhead_the_latency_scales_with_the_model(mode):
    problem = random_problem(np.random.default_rng(2), mode, overhead=False)
    best, _ = plan_jointly(problem)
    larger, _ = plan_jointly(problem._replace(n_parameters=1e6 * problem.n_parameters))
    assert larger.delay_s == pytest.approx(1e6 * best.delay_s, rel=1e-8)


@pytest.mark.parametrize("mode", MODES)
def test_relabelling_groups_changes_nothing(mode):
    workers = np.array([2, 1, 3])
    problem = random_problem(np.random.default_rng(6), mode, workers=workers)
    order = [2, 0, 1]
    places = np.concatenate([np.flatnonzero(problem.group == n) for n in order])
    moved = workers[order]
    shuffled = Problem(
        group=np.repeat(np.arange(3), moved),
        first=np.cumsum(moved) - moved,
        overhead_s=problem.overhead_s[places],
        compute_s=problem.compute_s[places],
        links=problem.links.of(places),
        n_parameters=problem.n_parameters,
    )
    best, other = plan_jointly(problem)[0], plan_jointly(shuffled)[0]
    assert other.delay_s == pytest.approx(best.delay_s, rel=1e-9)
    np.testing.assert_allclose(other.blocks, best.blocks[order], rtol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_a_single_worker_has_all(mode):
    problem = random_problem(np.random.default_rng(7), mode, workers=[1])
    best, bound_s = plan_jointly(problem)
    alone_s = problem.delay_s(np.array([10.0]), np.ones((problem.links.n_bands, 1)))
    assert best.delay_s == pytest.approx(alone_s, rel=1e-12)
    assert bound_s <= alone_s


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("workers", [[1] * 1000, [1000], [2] * 500])
def test_a_thousand_workers_are_planned_for_and_proven(mode, workers):
    problem = random_problem(np.random.default_rng(1), mode, workers=workers, decades=1.0)
    best, bound_s = plan_jointly(problem)
    assert best.delay_s <= bound_s * (1 + 1e-7)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(MODES))
def test_a_faster_worker_or_a_better_link_never_hurts(seed, mode):
    problem = random_problem(np.random.default_rng(seed), mode, workers=[1, 2, 2])
    faster = problem.compute_s.copy()
    faster[0] /= 2
    links = problem.links._replace(download_s=problem.links.download_s * 0.7)
    before_s = plan_jointly(problem)[0].delay_s
    for better in (problem._replace(compute_s=faster), problem._replace(links=links)):
        assert plan_jointly(better)[0].delay_s <= before_s * (1 + 1e-9)


def test_planning_in_turn_settles_at_once_where_groups_have_one_worker():
    """All are done at once after the first half, so that the other half has nothing to mend."""
    problem = example()
    bapa = plan_blocks(problem, problem.equal_shares)
    assert plan_shares(problem, bapa.blocks).delay_s == pytest.approx(bapa.delay_s, rel=1e-12)
    assert plan_in_turn(problem).delay_s > plan_jointly(problem)[0].delay_s * 1.05
