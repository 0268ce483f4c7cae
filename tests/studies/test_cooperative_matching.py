import io

import numpy as np
import pandas as pd
import pytest

from edgegym import load_scenario
from edgegym.studies.cooperative_matching import (
    RIVALS,
    drawn_system,
    in_words,
    latency_rows,
    plot_savings,
    summarise_savings,
)

SCENARIO = load_scenario("cooperative-digits")


def hand_made():
    rows = {"draw": [0, 1], "joint": [1.0, 2.0], **{key: [1.0, 4.0] for key in RIVALS}}
    return pd.DataFrame(rows | {"alone": [2.0, np.nan], "random-matching": [2.0, 4.0]})


def test_systems_differ_and_hold_the_same_clocks_and_memories():
    one, other = drawn_system(SCENARIO, 0), drawn_system(SCENARIO, 1)
    assert drawn_system(SCENARIO, 0) == one != other
    for key in ("device_clock_hz", "device_memory_bytes"):
        assert sorted(getattr(one, key)) == sorted(getattr(SCENARIO, key))
    assert np.ptp(np.log10(one.uplink_gain)) <= 2.5
    assert np.array_equal(one.uplink_gain, one.downlink_gain)


def test_nobody_is_faster_than_the_joint_optimum_but_one_device_alone():
    rows = latency_rows(SCENARIO, 5)
    assert len(rows) == 5
    for rival in RIVALS:
        if rival != "alone":
            assert (rows["joint"] <= rows[rival] * (1 + 1e-9)).all()


def test_savings_are_averaged_where_a_rival_can_be_planned():
    summary = summarise_savings(hand_made()).set_index("rival")
    assert summary.loc["crunch", ["saved", "least", "most"]].tolist() == [0.25, 0.0, 0.5]
    assert summary.loc["alone", "saved"] == pytest.approx(0.5)


def test_the_verdict_says_against_whom_as_much_is_saved_as_is_claimed():
    words = in_words(summarise_savings(hand_made()))
    assert words == (
        "A latency lower by 40% is reached on average against random-matching and alone; against "
        "CRUNCH with its best shares 25.0% are saved, with equal ones 25.0%."
    )
    alike = hand_made().assign(**{name: [1.0, 2.0] for name in RIVALS})
    assert "on average against none of them" in in_words(summarise_savings(alike))


def test_the_picture_has_a_row_for_each_rival_and_what_is_claimed():
    figure = plot_savings(summarise_savings(hand_made()), "name $x^{$")
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(RIVALS)
    means, claimed = axes.get_lines()
    assert means.get_xdata().tolist() == pytest.approx([25, 25, 25, 25, 50, 50])
    assert set(claimed.get_xdata()) == {40.0}
    figure.savefig(io.BytesIO(), format="png")
