import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.conic import ConeProgram, Total

VALUES = st.floats(0.2, 5)


def fixed(program, value):
    variable = program.variable()
    program.zero([(1, variable)], constant=value)
    return variable


@given(VALUES, VALUES)
def test_a_rotated_second_order_cone_bounds_a_product_by_a_square(right, middle):
    program = ConeProgram()
    left = program.variable()
    program.rotated_second_order([(1, left)], fixed(program, right), fixed(program, middle))
    assert program.minimise([(1, left)]).objective == pytest.approx(middle**2 / right, rel=1e-6)


@given(st.floats(-3, 3), VALUES)
def test_an_exponential_cone_bounds_the_perspective_of_exp(ratio, scale):
    program = ConeProgram()
    above = program.variable()
    program.exponential(
        [(1, fixed(program, ratio * scale))], [(1, fixed(program, scale))], [(1, above)]
    )
    assert program.minimise([(1, above)]).objective == pytest.approx(
        scale * np.exp(ratio), rel=1e-6, abs=1e-8
    )


@given(VALUES, VALUES)
def test_a_power_cone_bounds_a_cube_by_a_square(second, below):
    program = ConeProgram()
    first = program.variable()
    program.power([(1, first)], [(1, fixed(program, second))], [(1, fixed(program, below))])
    assert program.minimise([(1, first)]).objective == pytest.approx(
        below**3 / second**2, rel=1e-6, abs=1e-8
    )


@given(st.lists(VALUES, min_size=1, max_size=5), VALUES)
def test_a_row_for_every_element_equals_one_program_each(needs, factor):
    together, apart = ConeProgram(), []
    x = together.variable(len(needs))
    one = fixed(together, 1.0)
    together.nonnegative([(factor, x), (-np.array(needs), one)])
    together.rotated_second_order([(1, x)], y := together.variable(len(needs)), one)
    for need in needs:
        alone = ConeProgram()
        single, unit = alone.variable(), fixed(alone, 1.0)
        alone.nonnegative([(factor, single), (-need, unit)])
        alone.rotated_second_order([(1, single)], inverse := alone.variable(), unit)
        apart.append(alone.minimise([(1, single), (2, inverse)]).objective)
    found = together.minimise([(1, x), (2, y)])
    assert found.objective == pytest.approx(sum(apart), rel=1e-6)


def test_the_data_are_the_rows_as_written():
    program = ConeProgram()
    x, y = program.variable(2, 3), program.variable(2, 1)
    one = program.variable()
    program.zero([(4, one), Total(np.array([[1, 2, 3]]), x[:1])], constant=7)
    program.nonnegative([(np.array([[5], [6]]), y), Total(1, x)])
    a, b = program.data()
    assert np.array_equal(
        -a.toarray(),
        [
            [1, 2, 3, 0, 0, 0, 0, 0, 4],
            [1, 1, 1, 0, 0, 0, 5, 0, 0],
            [0, 0, 0, 1, 1, 1, 0, 6, 0],
        ],
    )
    assert np.array_equal(b, [-7, 0, 0])
    assert [cone.dim for cone in program.cones] == [1, 2]


def test_a_copy_goes_on_and_leaves_the_first_as_it_was():
    program = ConeProgram()
    x = program.variable()
    program.nonnegative([(1, x), (-2, fixed(program, 1.0))])
    other = program.copy()
    other.nonnegative([(1, x), (-5, fixed(other, 1.0))])
    assert other.minimise([(1, x)]).objective == pytest.approx(5)
    assert program.minimise([(1, x)]).objective == pytest.approx(2)


def test_limits_that_are_equal_for_some_keep_all():
    program = ConeProgram()
    x, one = program.variable(3), fixed(program, 1.0)
    low, high = np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])
    program.between(x, low, high, one)
    assert program.minimise([Total(1, x)]).objective == pytest.approx(low.sum())
    assert program.minimise([Total(-1, x)]).objective == pytest.approx(-high.sum())


def test_a_variable_met_twice_in_a_row_counts_twice():
    program = ConeProgram()
    x = program.variable()
    program.zero([(1, x), Total(2, x)], constant=6)
    assert program.minimise([(1, x)]).objective == pytest.approx(2)


@given(VALUES, VALUES)
def test_the_price_of_a_row_is_what_its_constant_is_worth(cost, constant):
    program = ConeProgram()
    x = program.variable()
    row = program.zero([(2, x)], constant=constant)
    solution = program.minimise([(cost, x)])
    assert abs(solution.z[row]) == pytest.approx(cost / 2, rel=1e-6)
    assert solution.objective == pytest.approx(cost * constant / 2, rel=1e-6)


def test_contradicting_rows_are_infeasible():
    program = ConeProgram()
    x = fixed(program, 1.0)
    program.nonnegative([(-1, x)])
    assert program.minimise([(1, x)]).status == "PrimalInfeasible"


def test_an_objective_without_a_floor_is_seen():
    program = ConeProgram()
    x = program.variable()
    program.nonnegative([(-1, x)])
    assert program.minimise([(1, x)]).status == "DualInfeasible"


def test_a_variable_met_twice_in_the_objective_counts_twice():
    program = ConeProgram()
    x = fixed(program, 3.0)
    assert program.minimise([(1, x), Total(2, x)]).objective == pytest.approx(9)
