import numpy as np
from scipy.stats import spearmanr

from edgegym.studies.calibration.ranking import Ranking


def test_the_best_pairs_are_those_of_scipys_correlation():
    rng = np.random.default_rng(0)
    bounds, losses = rng.uniform(size=(5, 7, 20)).round(1), rng.uniform(size=20).round(1)
    ranking = Ranking(np.arange(5.0), np.arange(7.0), bounds, losses)
    runs = rng.integers(20, size=20)  # some twice, so that there are ties
    scores = [[spearmanr(row[runs], losses[runs]).statistic for row in rows] for rows in bounds]
    first, second = ranking.best(runs)
    at = np.unravel_index(np.argmax(scores), (5, 7))
    assert (first.tolist(), second.tolist()) == ([at[0]], [at[1]])


def test_bounds_that_are_all_alike_rank_nothing():
    bounds = np.array([[np.ones(4)], [np.array([4.0, 3.0, 2.0, 1.5])]])
    ranking = Ranking(np.array([1.0, 2.0]), np.zeros(1), bounds, np.array([1.0, 3.0, 2.0, 4.0]))
    assert ranking.best(np.arange(4))[0].tolist() == [2.0]
