import numpy as np
import pytest

from baselines import plan
from baselines.two_stage.by_law.budget import least_energy, make_costs, spread
from baselines.two_stage.by_law.rounds import cheapest
from baselines.two_stage.problem import pose
from baselines.two_stage.schemes import SCHEMES
from baselines.two_stage.times import RESERVE, cheapest_times
from edgegym import load_scenario

FREE = ("joint", "fixed-power", "fixed-clock", "finetune-only")


def totals(relaxed):
    m, n = relaxed.n_pretrain_rounds, relaxed.n_finetune_rounds
    return m * relaxed.pretrain_batch_size, n, n * relaxed.finetune_batch_size.sum()


@pytest.mark.parametrize("name", ["digits", "mnist"])  # where the energy binds in all of them
@pytest.mark.parametrize("scheme", FREE)
def test_the_exact_optimum_takes_the_energy_budget_and_its_batches(name, scheme):
    scenario = load_scenario(name)
    problem, relaxed = pose(scenario, SCHEMES[scheme]), plan(scenario, scheme).relaxed
    least = least_energy(make_costs(problem), scenario.delay_budget_s, *totals(relaxed))
    assert least.energy_j == pytest.approx(scenario.energy_budget_j, rel=1e-5)
    batch = relaxed.finetune_batch_size
    shared = spread(problem.work, problem.scheme, least.second_device_w, np.array([batch.sum()]))
    assert shared[0] == pytest.approx(batch, rel=1e-3)


def test_prices_are_what_totals_cost_at_the_margin():
    problem = pose(load_scenario("mnist"), SCHEMES["joint"])
    costs, at = make_costs(problem), np.array([5e4, 1200.0, 2e5])
    least = least_energy(costs, 900.0, *at)
    for i, price in enumerate((least.server_sample_j, least.round_j, least.sample_j)):
        step = np.eye(3)[i] * 1e-3 * at
        more, less = (least_energy(costs, 900.0, *(at + s * step)).energy_j for s in (1, -1))
        assert price == pytest.approx((more - less) / (2 * step[i]), rel=1e-3)


@pytest.mark.parametrize("scheme", FREE)
def test_alike_rounds_cost_what_the_planner_of_alike_rounds_says(scheme):
    scenario = load_scenario("digits")
    problem, budget_s = pose(scenario, SCHEMES[scheme]), scenario.delay_budget_s * (1 - RESERVE)
    m, n, batch, batch_k = 100, 200, 12, np.array([9.0, 12.0, 8.0])
    alike = cheapest_times(
        problem.work,
        problem.scheme,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
        delay_budget_s=budget_s,
    )
    guess = np.full(3, 0.1)
    timed = cheapest(problem, np.full(m, float(batch)), np.tile(batch_k, (n, 1)), guess)
    assert timed.delay_s <= budget_s
    assert timed.energy_j == pytest.approx(float(alike.energy_j), rel=1e-4)


def test_rounds_that_differ_take_no_more_energy_than_at_one_pace():
    """Small and large batches in turn: times of their own are at least as good as one clock."""
    scenario = load_scenario("digits")
    problem = pose(scenario, SCHEMES["joint"])
    small, large = np.array([2.0, 3.0, 2.0]), np.array([20.0, 25.0, 18.0])
    finetune = np.tile(np.stack([small, large]), (100, 1))
    least = least_energy(
        make_costs(problem), scenario.delay_budget_s, 0.0, 200.0, float(finetune.sum())
    )
    timed = cheapest(problem, np.zeros(0), finetune, least.second_device_w)
    # Up to the whole samples the totals alone decide; nothing is below their dual bound.
    assert least.energy_j <= timed.energy_j <= 1.03 * least.energy_j


def test_what_cannot_be_done_in_time_is_none():
    problem = pose(load_scenario("digits"), SCHEMES["joint"])
    assert cheapest(problem, np.zeros(0), np.full((600, 3), 64.0), np.full(3, 0.1)) is None
