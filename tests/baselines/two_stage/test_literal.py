import numpy as np
import pytest

from baselines import SCHEMES
from baselines.two_stage.algorithm1 import solve_cells
from baselines.two_stage.iterate import LocalPoint
from baselines.two_stage.literal import solve_literal
from baselines.two_stage.program import SAMPLES
from edgegym import load_scenario


def start(batch, n_devices=3):
    return LocalPoint(SAMPLES / batch, np.full(n_devices, SAMPLES / batch), np.full(n_devices, 0.9))


@pytest.mark.parametrize("cell", [(1, 1), (10, 12), (30, 20)])
@pytest.mark.parametrize("name", ["joint", "fixed-power", "fixed-clock"])
def test_all_rounds_together_end_where_one_round_for_all_ends(name, cell):
    scenario = load_scenario("mnist").replace(delay_budget_s=60.0, energy_budget_j=12.0)
    literal = solve_literal(scenario, SCHEMES[name], cell, start(5))
    symmetric = solve_cells(scenario, SCHEMES[name], [cell])[cell]
    assert literal == pytest.approx(symmetric.gradient_norm_bound, rel=1e-5)


def test_fixed_batches_have_one_bound_in_both_forms():
    scenario = load_scenario("mnist").replace(delay_budget_s=60.0, energy_budget_j=40.0)
    literal = solve_literal(scenario, SCHEMES["fixed-batch"], (4, 5), start(700))
    assert literal == pytest.approx((4 * 10 / 700 + 5 * 30 / 2100 + 460) / 9, rel=1e-6)


def test_a_cell_beyond_the_budgets_has_no_literal_solution():
    poor = load_scenario("mnist").replace(delay_budget_s=1.0)
    assert solve_literal(poor, SCHEMES["joint"], (5, 5), start(20)) is None
