import math

import numpy as np
import pytest

from edgegym.results.numbers import number, with_ends, with_half_width


@pytest.mark.parametrize("nothing", [None, math.nan, np.nan, np.float64("nan")])
def test_what_there_is_none_of_is_a_dash(nothing):
    assert number(nothing) == number(nothing, ".3f") == "-"
    assert with_half_width(nothing, nothing, ".3f") == with_half_width(nothing, 0.1, ".3f") == "-"
    assert with_half_width(0.25, nothing, ".3f") == "0.250"
    assert with_ends({"x": nothing, "x_low": nothing, "x_high": nothing}, "x", ".3f") == "-"
    assert with_ends({"x": 0.5, "x_low": nothing, "x_high": 0.75}, "x", ".2f") == "0.50"


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (True, "True"), ("joint", "joint"), (np.float64(0.5), "0.5")]
)
def test_only_floats_are_written_in_a_form(value, text):
    assert number(value) == text


def test_numbers_are_rounded_as_the_form_says():
    assert number(0.123456789) == "0.12346"
    assert number(1365.0, ".0f") == "1365"
    assert number(math.inf, ".3f") == "inf"


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [(0.1, 0.05, "+0.10 ± 0.05"), (-0.1, 0.05, "-0.10 ± 0.05"), (0.0, 0.0, "+0.00 ± 0.00")],
)
def test_a_difference_has_a_sign_and_half_its_interval_has_none(mean, half, text):
    assert with_half_width(mean, half, "+.2f") == text


def test_the_ends_of_an_interval_stand_in_brackets_also_below_nothing():
    row = {"score": -0.5, "score_low": -1.0, "score_high": 0.25}
    assert with_ends(row, "score", ".2f") == "-0.50 [-1.00, 0.25]"
