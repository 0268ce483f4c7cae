import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym import load_scenario
from edgegym.runs.play import Episode
from edgegym.studies import partitioned as study
from edgegym.studies.partitioned import (
    SCHEMES,
    SPREAD,
    in_words,
    latency_rows,
    plot_gains,
    spread_workers,
    summarise_gains,
)

SCENARIO = load_scenario("partitioned-digits")


def logarithms(scenario, key):
    return np.log10(getattr(scenario, key))


@given(st.floats(0, 4), st.integers(0, 1000))
def test_spreading_stays_about_the_geometric_means_and_within_the_decades(decades, draw):
    spread = spread_workers(SCENARIO, decades, draw)
    for key in SPREAD:
        mean = logarithms(SCENARIO, key).mean()
        assert np.abs(logarithms(spread, key) - mean).max() <= decades / 2 + 1e-9


@pytest.mark.parametrize("key", SPREAD)
def test_over_many_draws_the_geometric_mean_is_kept(key):
    means = [logarithms(spread_workers(SCENARIO, 1.0, draw), key).mean() for draw in range(200)]
    # Of ten even draws over a decade the mean deviates by 1/sqrt(120), of 200 by 0.0065.
    assert np.mean(means) == pytest.approx(logarithms(SCENARIO, key).mean(), abs=0.026)


def test_the_same_draw_at_more_decades_is_the_same_workers_further_apart():
    near, far, other = (spread_workers(SCENARIO, *how) for how in ((0.5, 3), (2.0, 3), (0.5, 4)))
    for key in SPREAD:
        mean = logarithms(SCENARIO, key).mean()
        steps = logarithms(near, key) - mean
        np.testing.assert_allclose(logarithms(far, key) - mean, 4 * steps, rtol=1e-9)
        assert not np.allclose(logarithms(other, key) - mean, steps)


def test_both_directions_have_one_channel_and_nothing_else_changes():
    spread = spread_workers(SCENARIO, 1.0, 0)
    assert spread.downlink_gain.tolist() == spread.uplink_gain.tolist()
    changed = {key: getattr(SCENARIO, key).tolist() for key in (*SPREAD, "downlink_gain")}
    assert spread.replace(**changed) == SCENARIO
    alike = spread_workers(SCENARIO, 0.0, 0)
    assert all(np.ptp(logarithms(alike, key)) < 1e-9 for key in SPREAD)


@pytest.fixture(scope="module")
def latencies():
    return latency_rows(SCENARIO, (0.0, 1.0), n_draws=3)


def test_every_scheme_is_planned_for_every_system(latencies):
    rows = latencies[["decades", "draw", "scheme"]]
    assert len(rows) == len(rows.drop_duplicates()) == 2 * 3 * len(SCHEMES)
    assert (latencies["s"] > 0).all()


def test_the_joint_plan_is_never_slower_than_equal_parts_or_one_side(latencies):
    by_scheme = latencies.pivot(index=["decades", "draw"], columns="scheme", values="s")
    for rival in ("equal", "paba", "bapa"):
        assert (by_scheme["joint"] <= by_scheme[rival] * (1 + 1e-6)).all()
    # Whole parameters alone tell the plans of workers that are all alike apart.
    np.testing.assert_allclose(by_scheme.loc[0.0, "joint"], by_scheme.loc[0.0, "equal"], rtol=1e-3)
    assert (by_scheme.loc[1.0, "joint"] < 0.95 * by_scheme.loc[1.0, "equal"]).all()


def hand_made():
    seconds = {
        # decades, draw: equal, paba, bapa, joint
        (0.0, 0): (1.0, 1.0, 1.0, 1.0),
        (0.0, 1): (2.0, 2.0, 2.0, 2.0),
        (1.0, 0): (1.0, 0.8, 0.5, 0.4),
        (1.0, 1): (1.0, 0.5, 0.8, 0.3),
    }
    latencies = pd.DataFrame(
        [
            {"decades": decades, "draw": draw, "scheme": scheme, "s": value}
            for (decades, draw), values in seconds.items()
            for scheme, value in zip(("equal", "paba", "bapa", "joint"), values, strict=True)
        ]
    )
    accuracies = pd.DataFrame(
        [
            {"decades": decades, "seed": seed, "scheme": scheme, "accuracy": value}
            for decades, seed, *values in (
                (0.0, 0, 0.5, 0.5),
                (1.0, 0, 0.5, 0.6),
                (1.0, 1, 0.6, 0.64),
            )
            for scheme, value in zip(("equal", "joint"), values, strict=True)
        ]
    )
    return latencies, accuracies


def test_gains_are_averaged_spread_by_spread():
    summary = summarise_gains(*hand_made())
    assert summary["decades"].tolist() == [0.0, 1.0]
    assert summary["saved_against_equal"].tolist() == pytest.approx([0.0, 0.65])
    # The better of the one-sided plans is another one in each draw.
    assert summary["saved_against_one_sided"].tolist() == pytest.approx([0.0, 0.3])
    assert summary["accuracy_gained"].tolist() == pytest.approx([0.0, 0.07])


def test_a_spread_at_which_nothing_was_trained_has_no_gain_in_accuracy():
    latencies, accuracies = hand_made()
    summary = summarise_gains(latencies, accuracies[accuracies["decades"] == 0.0])
    assert summary["accuracy_gained"].isna().tolist() == [False, True]
    diverged = accuracies.assign(accuracy=accuracies["accuracy"].astype(object))
    diverged.loc[diverged["decades"] == 1.0, "accuracy"] = None
    assert summarise_gains(latencies, diverged)["accuracy_gained"].isna().tolist() == [False, True]


def test_the_verdict_says_where_each_gap_appears_and_where_it_does_not():
    assert in_words(summarise_gains(*hand_made())) == (
        "A latency lower by 46 % than with equal parts appears from 1 decades on (at most 65.0%). "
        "One lower than the better one-sided plan's does not appear up to 1 decades (at most "
        "30.0%). An accuracy higher by 4 points at the budget appears from 1 decades on (at most "
        "7.0%)."
    )


def test_a_verdict_on_nothing_gained_claims_nothing():
    summary = summarise_gains(*hand_made()).iloc[:1]
    assert in_words(summary).count("does not appear up to 0 decades (at most 0.0%)") == 3
    assert "appears" not in in_words(summary)


def test_the_picture_shows_both_gains_beside_what_the_abstract_says():
    figure = plot_gains(summarise_gains(*hand_made()), "name $x^{$")
    left, right = figure.axes
    equal, one_sided, claimed = left.get_lines()
    assert equal.get_ydata().tolist() == pytest.approx([0.0, 65.0])
    assert one_sided.get_ydata().tolist() == pytest.approx([0.0, 30.0])
    assert set(claimed.get_ydata()) == {46.0}
    gained, claimed = right.get_lines()
    assert gained.get_ydata().tolist() == pytest.approx([0.0, 7.0])
    assert set(claimed.get_ydata()) == {4.0}
    assert figure.get_suptitle() == "name $x^{$"
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG\r\n")


def computed_here(kind, calls):
    return {key: call() for key, call in calls.items()}


def test_a_budget_of_no_round_leaves_its_plan_untrained(monkeypatch):
    """Equal parts take longer than the budget, the joint plan does not."""
    final = dict.fromkeys(("total_delay_s", "total_energy_j", "validation_loss", "return"), 0.0)
    final |= {"end_code": 1, "is_success": True, "round_delay_s": 0.1, "n_rounds": 1}
    final |= {"test_accuracy": 0.5}
    columns = ("stage", "round", "loss", "validation_loss", "delay_s", "energy_j")
    episode = Episode(system="partitioned", final=final, rounds={column: [] for column in columns})
    monkeypatch.setattr(study, "play_plan", lambda *arguments, **options: episode)

    short = SCENARIO.replace(delay_budget_s=0.1)
    rows = study.accuracy_rows(short, (2.0,), 3, computed_here, None)
    assert set(rows["scheme"]) == {"joint"}
    latencies = latency_rows(SCENARIO, (2.0,), n_draws=1)
    for trained in (rows, rows[:0]):
        summary = summarise_gains(latencies, trained)
        assert summary["accuracy_gained"].isna().tolist() == [True]
        assert in_words(summary).endswith(" at the budget: nothing was trained that tells.")
        plot_gains(summary, "title").savefig(io.BytesIO(), format="png")


def test_where_no_plan_fits_nothing_is_trained():
    short = SCENARIO.replace(delay_budget_s=1e-3)
    rows = study.accuracy_rows(short, (0.0,), 2, computed_here, None)
    assert rows.empty
    assert summarise_gains(latency_rows(SCENARIO, (0.0,), 1), rows)["decades"].tolist() == [0.0]
