import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import lambertw

from edgegym.physics.radio import least_bandwidth_hz, rate_bps

LINK = {"gain": 1e-3, "noise_psd_w_per_hz": 1e-9}  # a limit of 1e6 / ln 2 bit/s at 1 W
LIMIT_BPS = 1e6 / np.log(2)


@given(st.floats(-6, 14))
def test_it_undoes_the_rate(exponent):
    bandwidth_hz = 10.0**exponent
    rate = rate_bps(1.0, bandwidth_hz=bandwidth_hz, **LINK)
    # What a rate knows of its bandwidth is lost near the limit: 1 - κ in units of rounding.
    lost = 1e-15 / max(1 - rate / LIMIT_BPS, 1e-16)
    assert least_bandwidth_hz(rate, 1.0, **LINK) == pytest.approx(
        bandwidth_hz, rel=1e-13 + 4 * lost
    )


def test_it_is_right_to_nine_digits_at_a_ten_millionth_below_the_limit():
    kappa = 0.9999999
    y = brentq(lambda y: np.log1p(y) - kappa * y, 1e-8, 1e-6, xtol=1e-22)
    found = least_bandwidth_hz(kappa * LIMIT_BPS, 1.0, **LINK)
    assert found == pytest.approx(1e6 / y, rel=1e-8)


def test_it_is_lamberts_w_where_that_can_be_trusted():
    kappa = np.geomspace(1e-6, 0.999, 50)
    z = -lambertw(-kappa * np.exp(-kappa), -1).real / kappa
    found = least_bandwidth_hz(kappa * LIMIT_BPS, 1.0, **LINK)
    np.testing.assert_allclose(found, 1e6 / (z - 1), rtol=1e-9)


def test_a_rate_beyond_every_bandwidth_needs_an_infinite_one():
    found = least_bandwidth_hz(np.array([1.0, 1.5, 1e300]) * LIMIT_BPS, 1.0, **LINK)
    assert np.isinf(found).all()


def test_up_to_the_last_digit_below_the_limit_there_is_an_answer(strict_numpy):
    rates = LIMIT_BPS * (1 - np.geomspace(1e-17, 1e-3, 200))
    found = least_bandwidth_hz(rates, 1.0, **LINK)
    assert (found > 0).all() and not np.isnan(found).any()
    assert (np.diff(found[100:]) < 0).all()
