import numpy as np
import pytest

from edgegym.physics.channel import rayleigh_gain


def test_gains_have_the_stated_mean_and_an_exponential_tail():
    gains = rayleigh_gain(np.random.default_rng(0), 1e-5, 200_000)
    assert gains.mean() == pytest.approx(1e-5, rel=0.01)
    assert np.mean(gains > 3e-5) == pytest.approx(np.exp(-3), rel=0.05)


def test_gains_are_positive_and_come_from_the_generator_alone():
    first, again = (rayleigh_gain(np.random.default_rng(7), 1e-5, (4, 3)) for _ in range(2))
    assert np.all(first > 0) and np.array_equal(first, again)
