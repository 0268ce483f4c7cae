import math

import pandas as pd
import pytest

from edgegym.studies.split_law import fit_exponent, half_width


@pytest.mark.parametrize("exponent", [0.0, 0.3, 1.0])
def test_the_worth_of_a_batch_is_found_again(exponent):
    rows = [
        (size, n, 0.9 - 0.8 * math.exp(-n * (size / 8) ** exponent / 60))
        for size in (4, 8, 16, 32)
        for n in range(0, 301, 25)
    ]
    looks = pd.DataFrame(rows, columns=["batch_size", "rounds", "accuracy"])
    assert fit_exponent(looks, 8) == pytest.approx(exponent, abs=0.03)


def test_a_single_value_has_no_interval():
    assert half_width(pd.Series([0.5])) == 0
    assert half_width(pd.Series([0.4, 0.6])) == pytest.approx(12.706 * 0.1, rel=1e-3)
