from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import scenarios

from baselines import SCHEMES
from baselines.two_stage.algorithm1 import solve_algorithm1, solve_cells
from baselines.two_stage.box import whole_box
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import SAMPLES, relax
from baselines.two_stage.subproblem import LocalPoint, Subproblem
from edgegym import Plan, evaluate, load_scenario

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


def test_the_iterations_never_raise_the_bound():
    program, cell, point = Subproblem(load_scenario("mnist"), SCHEMES["joint"]), (900, 900), start()
    bounds = []
    for _ in range(6):
        assert program.solve(cell, point)
        bounds.append(program.bound(cell))
        point = program.next_point(point)
    assert all(after <= before * (1 + 1e-7) for before, after in pairwise(bounds))


def test_a_solution_costs_what_the_referee_says():
    """The solver's variables, as clocks and powers, spend no more than both budgets."""
    scenario, cell = load_scenario("mnist"), (900, 1250)
    program, point = Subproblem(scenario, SCHEMES["joint"]), start()
    for _ in range(8):
        assert program.solve(cell, point)
        point = program.next_point(point)
    # A real batch D̃ at clock f costs what an integer one would: scale both to a whole number.
    batches = np.array([program.batch.value * SAMPLES, *(program.batch_k.value * SAMPLES)])
    whole = np.ceil(batches)
    clocks = np.array(
        [
            program.clock.value * scenario.server_clock_limit_hz,
            *(program.clock_k.value * scenario.device_clock_limit_hz),
        ]
    )
    plan = Plan.constant(
        n_pretrain_rounds=cell[0],
        n_finetune_rounds=cell[1],
        pretrain_batch_size=whole[0],
        server_clock_hz=clocks[0] * whole[0] / batches[0],
        finetune_batch_size=whole[1:],
        device_clock_hz=clocks[1:] * whole[1:] / batches[1:],
        device_tx_power_w=program.power.value * scenario.device_tx_power_peak_limit_w,
    )
    outcome = evaluate(plan, scenario)
    assert outcome.total_delay_s == pytest.approx(scenario.delay_budget_s, rel=1e-5)
    surplus_j = np.sum(plan.n_pretrain_rounds * (whole / batches) ** 3 - 1)
    assert surplus_j > 0 and outcome.total_energy_j < 1.1 * scenario.energy_budget_j


def test_without_a_feasible_cell_there_is_no_result():
    poor = load_scenario("mnist").replace(delay_budget_s=1e-5)
    assert solve_algorithm1(poor, SCHEMES["joint"], grid=4) is None
