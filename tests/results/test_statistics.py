import numpy as np
import pandas as pd
import pytest
from scipy import stats

from edgegym.results.measures import measures_of
from edgegym.results.statistics import interval95, summarise
from edgegym.systems.two_stage import TWO_STAGE

MEASURES = measures_of(TWO_STAGE)
UNCERTAIN = [measure.name for measure in MEASURES if measure.varies]
FIXED = [measure.name for measure in MEASURES if not measure.varies]


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    rows = [
        {"design": design, "seed": seed}
        | {column: rng.random() for column in UNCERTAIN}
        | {column: 10.0 * index for index, column in enumerate(FIXED)}
        | {"end_code": 1, "is_success": True}
        for design in ("zeta", "alpha", "mid")
        for seed in (0, 1, 2)
    ]
    return pd.DataFrame(rows)


def test_the_interval_of_four_values_is_the_one_worked_out_by_hand():
    # t(0.975, 3) = 3.182446, variance of 1, 2, 3, 4 = 5/3
    expected = 3.182446 * np.sqrt(5 / 3) / 2
    assert interval95(pd.Series([1.0, 2.0, 3.0, 4.0])) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_values", [2, 3, 5, 30])
def test_the_interval_is_that_of_scipy(n_values):
    values = np.random.default_rng(n_values).normal(size=n_values)
    low, high = stats.t.interval(0.95, n_values - 1, loc=values.mean(), scale=stats.sem(values))
    assert interval95(pd.Series(values)) == pytest.approx((high - low) / 2)


def test_missing_values_do_not_count():
    assert interval95(pd.Series([1.0, np.nan, 3.0])) == interval95(pd.Series([1.0, 3.0]))


@pytest.mark.parametrize("values", [[], [2.0], [2.0, np.nan], [np.nan, np.nan]])
def test_fewer_than_two_values_have_no_interval(values):
    assert np.isnan(interval95(pd.Series(values, dtype=float)))


def test_equal_values_have_an_interval_of_nothing():
    assert interval95(pd.Series([0.3, 0.3, 0.3])) == pytest.approx(0, abs=1e-12)


def test_the_summary_keeps_the_order_of_the_designs(results):
    assert summarise(results, MEASURES)["design"].tolist() == ["zeta", "alpha", "mid"]


def test_the_summary_has_means_intervals_and_counts(results):
    summary = summarise(results, MEASURES)
    intervals = [f"{column}_interval" for column in UNCERTAIN]
    assert summary.columns.tolist() == ["design", *UNCERTAIN, *FIXED, *intervals, "n_seeds"]
    assert summary["n_seeds"].tolist() == [3, 3, 3]


@pytest.mark.parametrize("column", UNCERTAIN)
def test_the_summary_is_taken_over_each_designs_own_seeds(results, column):
    own = results.loc[results["design"] == "alpha", column]
    row = summarise(results, MEASURES).set_index("design").loc["alpha"]
    assert row[column] == pytest.approx(own.mean())
    assert row[f"{column}_interval"] == pytest.approx(interval95(own))


def test_what_is_unknown_is_none(results):
    summary = summarise(results[results["seed"] == 0], MEASURES)
    assert all(summary[f"{column}_interval"].tolist() == [None] * 3 for column in UNCERTAIN)
    results.loc[results["design"] == "mid", UNCERTAIN] = np.nan
    row = summarise(results, MEASURES).set_index("design").loc["mid"]
    assert all(row[column] is None for column in UNCERTAIN)


def test_results_in_which_every_episode_diverged_are_summarised(results):
    summary = summarise(results.drop(columns=UNCERTAIN), MEASURES)
    assert all(summary[column].tolist() == [None] * 3 for column in UNCERTAIN)
    assert summary["n_seeds"].tolist() == [3, 3, 3]


def test_the_results_are_left_as_they_were(results):
    before = results.copy()
    summarise(results, MEASURES)
    pd.testing.assert_frame_equal(results, before)
