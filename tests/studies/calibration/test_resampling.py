import numpy as np

from edgegym.studies.calibration.resampling import intervals


def test_intervals_cover_a_mean_as_its_standard_error_does():
    numbers = np.random.default_rng(1).normal(5.0, 2.0, 50)
    low, high = intervals(lambda runs: {"mean": numbers[runs].mean()}, 50)["mean"]
    error = numbers.std() / np.sqrt(50)
    assert 3 * error < high - low < 5 * error
    assert low < numbers.mean() < high


def test_the_same_runs_are_drawn_again():
    found = [intervals(lambda runs: {"first": float(runs[0])}, 9) for _ in range(2)]
    assert found[0] == found[1]
