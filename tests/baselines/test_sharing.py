import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partitioned_problems import MODES, problems, random_problem
from scipy.optimize import brentq, minimize

from baselines.links import Links, _per_log
from baselines.sharing import increasing_root, share_bandwidth
from edgegym.physics.radio import least_bandwidth_hz

pytestmark = pytest.mark.usefixtures("strict_numpy")


def fields(problem, seed=0):
    """Sizes and fixed times for a problem's workers."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 2, problem.group.size), problem.overhead_s + problem.compute_s


@given(problems(decades=4.0))
def test_all_are_done_at_once_and_every_band_is_used_up(problem):
    size, fixed_s = fields(problem)
    done_s, shares = share_bandwidth(problem.links, size, fixed_s)
    finish_s = fixed_s + size * problem.links.transfer_s(shares)
    np.testing.assert_allclose(finish_s, done_s, rtol=1e-9)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)


@given(problems(), st.integers(0, 2**32 - 1))
def test_no_other_shares_are_done_earlier(problem, seed):
    size, fixed_s = fields(problem)
    done_s, best = share_bandwidth(problem.links, size, fixed_s)
    rng = np.random.default_rng(seed)
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        other = best * np.exp(scale * rng.standard_normal(best.shape))
        other /= other.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            other_s = np.max(fixed_s + size * problem.links.transfer_s(other))
        assert other_s >= done_s * (1 - 1e-10)


@pytest.mark.parametrize("mode", MODES)
def test_a_general_solver_finds_the_same(mode):
    problem = random_problem(np.random.default_rng(3), mode, workers=[1, 2, 1], decades=1.0)
    (size, fixed_s), links = fields(problem), problem.links
    done_s, _ = share_bandwidth(links, size, fixed_s)
    n_bands, n_workers = links.n_bands, size.size

    def slack(z):
        shares = np.exp(z[1:]).reshape(n_bands, n_workers)
        late = z[0] - (fixed_s + size * links.transfer_s(shares)) / done_s
        return np.concatenate([late, 1 - shares.sum(axis=1)])

    start = np.r_[2.0, np.full(n_bands * n_workers, -np.log(n_workers))]
    found = minimize(
        lambda z: z[0],
        start,
        constraints={"type": "ineq", "fun": slack},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert found.fun == pytest.approx(1.0, abs=1e-6)


def test_an_uplink_alone_gives_everyone_the_least_bandwidth_of_its_rate():
    rng = np.random.default_rng(4)
    band_hz, bits = 1e6, rng.uniform(1e5, 1e6, 6)
    gain, fixed_s = 10 ** rng.uniform(-12, -9, 6), rng.uniform(0, 1, 6)
    link = {"gain": gain, "noise_psd_w_per_hz": 4e-21}
    limit_hz = 0.2 * gain / 4e-21
    links = Links(np.zeros(6), np.log(2) / limit_hz, limit_hz / band_hz, separate=False)
    done_s, shares = share_bandwidth(links, bits, fixed_s)
    least_hz = least_bandwidth_hz(bits / (done_s - fixed_s), 0.2, **link)
    np.testing.assert_allclose(shares[0], least_hz / band_hz, rtol=1e-9)


def test_who_sends_nothing_gets_nothing():
    links = random_problem(np.random.default_rng(5), (True, True), workers=[3]).links
    done_s, shares = share_bandwidth(links, np.array([1.0, 0.0, 2.0]), np.array([1.0, 99.0, 2.0]))
    assert done_s < 99 and (shares[:, 1] == 0).all() and (shares[:, [0, 2]] > 0).all()


@pytest.mark.parametrize("separate", [False, True])
def test_gains_of_nearly_nothing_are_shared_among(separate):
    limit_hz = np.full(3, 0.2 * 1e-16 / 4e-21)
    links = Links(np.full(3, 1e-2), np.log(2) / limit_hz, limit_hz / 1e6, separate)
    _, shares = share_bandwidth(links, np.full(3, 7850 * 32.0), np.zeros(3))
    np.testing.assert_allclose(shares, 1 / 3, rtol=1e-9)


@given(st.floats(-12, 12))
def test_the_derivatives_of_y_over_its_logarithm_hold_on_both_sides_of_the_series(exponent):
    y = np.array([10.0**exponent])
    value, first, second = (float(part[0]) for part in _per_log(y))
    h = 1e-4 * y
    up, down = _per_log(y + h), _per_log(y - h)
    assert value == pytest.approx(float(y[0] / np.log1p(y[0])), rel=1e-12)
    slope = (up[0] - down[0]) / (2 * h)
    assert first == pytest.approx(float(slope[0]), rel=1e-6, abs=1e-11 / float(y[0]))
    bend = (up[1] - down[1]) / (2 * h)
    assert second == pytest.approx(float(bend[0]), rel=1e-5, abs=1e-10 / float(y[0]))


def test_a_root_is_found_from_anywhere_in_its_bracket():
    def function(x):
        return np.arctan(5 * (x - 1)), 5 / (1 + 25 * (x - 1) ** 2)

    right = brentq(lambda x: function(x)[0], -50, 50, xtol=1e-15)
    for start in (-50.0, 0.9, 50.0):
        assert increasing_root(function, -50.0, 50.0, start) == pytest.approx(right, abs=1e-12)


@given(problems(), st.floats(0.05, 20))
def test_the_use_of_the_bands_has_the_derivatives_that_it_says(problem, price):
    links, prices = problem.links, np.array([1.0, price])[: problem.links.n_bands]
    seconds = links.least_s + links.transfer_s(np.full((links.n_bands, problem.group.size), 0.1))
    use = links.cheapest(seconds, prices)

    def cost(seconds, prices):
        shares = links.cheapest(seconds, prices).shares
        return sum(price * share for price, share in zip(prices, shares, strict=True))

    np.testing.assert_allclose(links.transfer_s(np.array(use.shares)), seconds, rtol=1e-12)
    step = 1e-4 * (seconds - links.least_s)
    later, sooner = (links.cheapest(seconds + sign * step, prices) for sign in (1, -1))
    slope = (cost(seconds + step, prices) - cost(seconds - step, prices)) / (2 * step)
    np.testing.assert_allclose(use.worth, -slope, rtol=1e-5)
    np.testing.assert_allclose(use.curvature, (sooner.worth - later.worth) / (2 * step), rtol=1e-5)
    np.testing.assert_allclose(
        use.bend, seconds * use.curvature - 2 * use.worth, atol=1e-9 * use.worth.max()
    )
    for band in range(links.n_bands):
        moved = (later.shares[band] - sooner.shares[band]) / (2 * step)
        np.testing.assert_allclose(use.by_time[band], moved, rtol=1e-5)
        for other in range(links.n_bands):
            nudge = 1e-5 * prices * (np.arange(links.n_bands) == other)
            up, down = (links.cheapest(seconds, prices + sign * nudge) for sign in (1, -1))
            moved = (up.shares[band] - down.shares[band]) / (2 * nudge[other])
            np.testing.assert_allclose(use.by_price[band][other], moved, rtol=1e-4, atol=1e-9)
