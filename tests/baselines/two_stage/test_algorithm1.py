from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import scenarios

from baselines import SCHEMES
from baselines.two_stage import algorithm1
from baselines.two_stage.algorithm1 import (
    MOST_STEPS_BACK,
    round_cells,
    solve_algorithm1,
    solve_cells,
)
from baselines.two_stage.box import whole_box
from baselines.two_stage.iterate import LocalPoint
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import SAMPLES, Relaxation, relax
from baselines.two_stage.subproblem import Subproblem
from edgegym import Plan, evaluate, load_scenario
from edgegym.systems.two_stage.bound import bound_terms

#: DESIGN's check values of SCA on mnist.
CELLS = {(1000, 1364): 0.30469126, (900, 1250): 0.30970858, (300, 300): 0.78701038}


def test_check_values_of_the_cells():
    found = solve_cells(load_scenario("mnist"), SCHEMES["joint"], list(CELLS))
    for cell, bound in CELLS.items():
        assert found[cell].gradient_norm_bound == pytest.approx(bound, rel=1e-6)


def relax_at(scenario, scheme, m, n):
    box = whole_box(scenario, scheme)
    box.low[:2] = box.high[:2] = m, n
    return relax(pose(scenario, scheme).within(box))


@given(scenarios(decades=0.3))
@settings(max_examples=8)
def test_a_cell_ends_at_the_exact_optimum_and_never_below(scenario):
    joint = SCHEMES["joint"]
    relaxed = relax(pose(scenario, joint))
    m, n = (int(r) for r in relaxed.integers[:2])
    found, exact = solve_cells(scenario, joint, [(m, n)])[m, n], relax_at(scenario, joint, m, n)
    assert found.gradient_norm_bound >= relaxed.lower_bound * (1 - 1e-7)
    assert found.gradient_norm_bound >= exact.lower_bound * (1 - 1e-6)
    assert found.gradient_norm_bound <= exact.gradient_norm_bound * (1 + 1e-4)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_agrees_with_the_exact_planner_at_its_rounds(name):
    scenario, scheme = load_scenario("mnist"), SCHEMES[name]
    best = solve_algorithm1(scenario, scheme, grid=4)
    exact = relax_at(scenario, scheme, best.n_pretrain_rounds, best.n_finetune_rounds)
    assert best.gradient_norm_bound == pytest.approx(exact.gradient_norm_bound, rel=1e-4)
    relaxed = relax(pose(scenario, scheme))
    assert best.gradient_norm_bound >= relaxed.gradient_norm_bound * (1 - 1e-6)


def start():
    return LocalPoint(SAMPLES / 20, np.full(3, SAMPLES / 20), np.full(3, 0.5))


def iterates(cell, n_iterations):
    subproblem, point = Subproblem(pose(load_scenario("mnist"), SCHEMES["joint"]), cell), start()
    for _ in range(n_iterations):
        found = subproblem.solve(point)
        yield found
        point = found.next_point


def test_the_iterations_never_raise_the_bound():
    bounds = [found.gradient_norm_bound for found in iterates((900, 900), 6)]
    assert all(after <= before * (1 + 1e-7) for before, after in pairwise(bounds))


def test_a_solution_costs_what_the_referee_says():
    """The solver's variables, as clocks and powers, spend no more than both budgets."""
    scenario, cell = load_scenario("mnist"), (900, 1250)
    *_, found = iterates(cell, 8)
    # A real batch D̃ at clock f costs what an integer one would: scale both to a whole number.
    batches = SAMPLES * np.array([found.batch, *found.batch_k])
    whole = np.ceil(batches)
    clocks = np.array(
        [
            found.clock * scenario.server_clock_limit_hz,
            *(found.clock_k * scenario.device_clock_limit_hz),
        ]
    )
    plan = Plan.constant(
        n_pretrain_rounds=cell[0],
        n_finetune_rounds=cell[1],
        pretrain_batch_size=whole[0],
        server_clock_hz=clocks[0] * whole[0] / batches[0],
        finetune_batch_size=whole[1:],
        device_clock_hz=clocks[1:] * whole[1:] / batches[1:],
        device_tx_power_w=found.next_point.tx_power * scenario.device_tx_power_peak_limit_w,
    )
    outcome = evaluate(plan, scenario)
    assert outcome.total_delay_s == pytest.approx(scenario.delay_budget_s, rel=1e-5)
    surplus_j = np.sum(plan.n_pretrain_rounds * (whole / batches) ** 3 - 1)
    assert surplus_j > 0 and outcome.total_energy_j < 1.1 * scenario.energy_budget_j


def failing(monkeypatch, fails):
    """Let the solver give up at the iterations that are named, counted from 0; list the points."""
    solve, points = Subproblem.solve, []

    def solve_or_fail(self, point):
        points.append(point)
        return None if fails(len(points) - 1) else solve(self, point)

    monkeypatch.setattr(Subproblem, "solve", solve_or_fail)
    return points


def solve_one(cell=(900, 1250)):
    return solve_cells(load_scenario("mnist"), SCHEMES["joint"], [cell])[cell]


def test_a_solver_that_gives_up_once_is_asked_again_at_a_nearer_point(monkeypatch):
    points = failing(monkeypatch, lambda i: i == 1)
    assert solve_one().gradient_norm_bound == pytest.approx(CELLS[900, 1250], rel=1e-6)
    first, failed, nearer, *_ = (point.inverse_batch for point in points)
    assert nearer == pytest.approx((first + failed) / 2)


def test_a_solver_that_keeps_giving_up_leaves_the_cell_where_it_stood(monkeypatch):
    points = failing(monkeypatch, lambda i: i > 1)
    found = solve_one()
    assert len(points) == 2 + MOST_STEPS_BACK + 1
    assert CELLS[900, 1250] < found.gradient_norm_bound < 1.1 * CELLS[900, 1250]


def test_a_solver_that_gives_up_at_once_leaves_the_first_local_point(monkeypatch):
    failing(monkeypatch, lambda i: True)
    scenario, found = load_scenario("mnist"), solve_one()
    total = found.finetune_batch_size.sum()
    bound = bound_terms(scenario).bound(900, 1250, found.pretrain_batch_size, total)
    assert found.gradient_norm_bound == pytest.approx(float(bound))
    assert round_cells(scenario, SCHEMES["joint"], [(900, 1250)]) == {(900, 1250): None}


def test_of_cells_that_only_digits_tell_apart_the_one_of_most_pretraining_is_taken(monkeypatch):
    def all_alike(scenario, scheme, cells):
        rng = np.random.default_rng(0)
        return {
            (m, n): Relaxation(2.3 / (m + n) * (1 + 1e-9 * rng.normal()), m, n, 1.0, np.ones(3))
            if m + n <= 600
            else None
            for m, n in cells
        }

    monkeypatch.setattr(algorithm1, "solve_cells", all_alike)
    found = solve_algorithm1(load_scenario("mnist"), SCHEMES["joint"], grid=6)
    assert found.integers[:2].tolist() == [600, 0]


def test_without_a_feasible_cell_there_is_no_result():
    poor = load_scenario("mnist").replace(delay_budget_s=1e-5)
    assert solve_algorithm1(poor, SCHEMES["joint"], grid=4) is None
