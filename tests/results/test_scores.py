import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from edgegym.results.scores import (
    bootstrap_interval,
    interquartile_mean,
    normalised_score,
    paired_difference,
    probability_of_improvement,
    resample_seeds,
)

LOSSES = hnp.arrays(
    float,
    st.tuples(st.integers(1, 9), st.integers(1, 4)),
    elements=st.floats(-100, 100).map(lambda value: round(value, 1)),  # some ties
)


@pytest.fixture
def skewed():
    """Make losses of a contender and of a reference on thirty seeds each."""
    rng = np.random.default_rng(7)
    return rng.lognormal(0.0, 0.5, (30, 1)), rng.lognormal(0.2, 0.5, (30, 1))


def middle_half(losses):
    ordered = sorted(losses.ravel())
    cut = len(ordered) // 4
    return np.mean(ordered[cut : len(ordered) - cut])


def count_pairs(losses, reference):
    wins = [(a < b) + (a == b) / 2 for a in losses.ravel() for b in reference.ravel()]
    return np.mean(wins)


@given(LOSSES)
def test_the_interquartile_mean_is_that_of_the_middle_half(losses):
    assert interquartile_mean(losses) == pytest.approx(middle_half(losses), abs=1e-9)


@given(LOSSES, LOSSES)
def test_the_probability_of_improvement_is_the_share_of_pairs(losses, reference):
    expected = count_pairs(losses, reference)
    assert probability_of_improvement(losses, reference) == pytest.approx(expected)


@given(LOSSES, LOSSES)
def test_one_improves_as_often_as_the_other_does_not(losses, reference):
    one = probability_of_improvement(losses, reference)
    assert one + probability_of_improvement(reference, losses) == pytest.approx(1)


def test_the_probability_of_improvement_is_scipys_mann_whitney_statistic(skewed):
    own, reference = skewed
    u = stats.mannwhitneyu(reference.ravel(), own.ravel()).statistic
    assert probability_of_improvement(own, reference) == pytest.approx(u / 900)


def test_figures_are_those_of_rliable(skewed):
    metrics = pytest.importorskip("rliable.metrics")
    own, reference = skewed
    assert interquartile_mean(own) == pytest.approx(metrics.aggregate_iqm(own))
    expected = metrics.probability_of_improvement(-own, -reference)  # of scores, the higher wins
    assert probability_of_improvement(own, reference) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("statistic", "n_arrays"), [(interquartile_mean, 1), (probability_of_improvement, 2)]
)
def test_intervals_are_scipys_of_percentiles(skewed, statistic, n_arrays):
    rng, known = np.random.default_rng(0), skewed[:n_arrays]
    resampled = [losses[resample_seeds(30, rng, 5000)] for losses in known]
    expected = stats.bootstrap(
        [losses.ravel() for losses in known],
        lambda *drawn: statistic(*(losses[:, np.newaxis] for losses in drawn)),
        vectorized=False,
        method="percentile",
        n_resamples=3000,
        random_state=np.random.default_rng(1),
    ).confidence_interval
    assert bootstrap_interval(statistic(*resampled)) == pytest.approx(tuple(expected), abs=0.02)


@given(LOSSES, st.floats(0.1, 10), st.floats(-10, 10))
def test_a_score_does_not_depend_on_unit_and_origin(losses, unit, origin):
    random, paper = np.full((4, 1), 200.0), np.full((4, 1), 100.0)
    score = normalised_score(losses, random, paper)
    moved = (unit * part + origin for part in (losses, random, paper))
    assert normalised_score(*moved) == pytest.approx(score, rel=1e-6, abs=1e-9)


def test_the_random_policy_scores_nothing_and_the_papers_plan_one(skewed):
    random, paper = skewed[0] + 3, skewed[1]
    rows = resample_seeds(30, np.random.default_rng(0))
    for losses, score in ((random, 0.0), (paper, 1.0)):
        assert normalised_score(losses, random, paper) == score
        resampled = normalised_score(losses[rows], random[rows], paper[rows])
        assert bootstrap_interval(resampled) == (score, score)


def test_there_is_no_score_where_the_random_policy_is_not_worse():
    worse, better = np.full((4, 1), 2.0), np.full((4, 1), 1.0)
    assert np.isnan(normalised_score(better, random=better, paper=worse))
    assert np.isnan(normalised_score(better, random=better, paper=better))


def test_there_is_no_improvement_over_what_is_not_known():
    losses = np.ones((3, 1))
    assert np.isnan(probability_of_improvement(losses, np.full((3, 1), np.nan)))


def test_a_probability_lies_within_its_interval_where_seeds_matter_most():
    rng = np.random.default_rng(0)
    luck = rng.normal(size=(10, 1))
    losses, reference = luck - 1e-6, luck
    resampled = [part[resample_seeds(10, rng)] for part in (losses, reference)]
    low, high = bootstrap_interval(probability_of_improvement(*resampled))
    assert low < 0.5 < probability_of_improvement(losses, reference) < high


def test_agents_that_all_do_the_same_on_a_seed_are_no_surer_than_one(skewed):
    one, other = skewed
    five = np.repeat(one, 5, axis=1)
    rows = resample_seeds(30, np.random.default_rng(0))
    first, again = (
        bootstrap_interval(probability_of_improvement(losses[rows], other[rows]))
        for losses in (one, five)
    )
    assert first == pytest.approx(again)
    assert paired_difference(five, other) == pytest.approx(paired_difference(one, other))


def test_every_agent_keeps_its_share_in_every_resample():
    losses = np.tile([1.0, 2.0, 3.0, 4.0], (6, 1))  # four agents, whatever the seed
    rows = resample_seeds(6, np.random.default_rng(0))
    assert bootstrap_interval(interquartile_mean(losses[rows])) == (2.5, 2.5)


def test_what_a_seed_does_to_everyone_leaves_the_paired_difference_alone(skewed):
    rng = np.random.default_rng(0)
    losses, reference = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    luck = 100 * rng.normal(size=(10, 1))
    moved = paired_difference(losses + luck, reference + luck)
    assert moved == pytest.approx(paired_difference(losses, reference))


def test_the_paired_interval_is_scipys_of_the_differences(skewed):
    own, reference = skewed
    interval = stats.ttest_rel(own.ravel(), reference.ravel()).confidence_interval()
    mean, half_width = paired_difference(own, reference)
    assert (mean - half_width, mean + half_width) == pytest.approx(tuple(interval))


def test_the_same_generator_draws_the_same_rows():
    first, again = (resample_seeds(5, np.random.default_rng(3)) for _ in range(2))
    assert (first == again).all()
    assert set(np.unique(first)) == set(range(5))
