import numpy as np
import pandas as pd
import pytest

import baselines
from edgegym import load_scenario
from edgegym.errors import InputError
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.studies.two_stage import sensitivity, worth
from edgegym.studies.two_stage.open_values import (
    NO_LIMIT,
    open_values,
    own_share,
    place,
    require_axes,
)
from edgegym.studies.two_stage.trained import Trial
from edgegym.studies.two_stage.worth import JOINT, SINGLE, plan_places


def at_once(kind, calls):
    return {key: call() for key, call in calls.items()}


@pytest.mark.parametrize("name", ["digits", "mnist", "cinic10-cifar10"])
def test_a_scenario_lies_where_its_own_shares_say(name):
    scenario = load_scenario(name)
    shares = {key: own_share(scenario, key) for key in open_values(scenario)}
    there = place(scenario, shares)
    for key in shares:
        own = scenario.update_bits if key == "update_size_bits" else getattr(scenario, key)
        np.testing.assert_allclose(getattr(there, key), own, rtol=1e-9)


def test_the_size_that_the_paper_names_is_the_other_end_of_beta():
    ends = [
        place(load_scenario(name), {"update_size_bits": 1.0}).update_bits
        for name in ("mnist", "cinic10-cifar10")
    ]
    assert ends == pytest.approx([1.95e6, 194e6], rel=0.01)


def test_without_limits_a_place_has_none_and_keeps_the_rest():
    there = place(load_scenario("digits"), {"server_flop_per_cycle": 1.0}, limited=False)
    assert there.max_pretrain_rounds == there.max_finetune_rounds == NO_LIMIT
    assert there.server_flop_per_cycle == pytest.approx(10)
    assert there.device_flop_per_cycle.tolist() == [1, 1, 1]


def test_axes_must_be_two_open_values():
    scenario = load_scenario("digits")
    require_axes(scenario, None, "uplink_gain")
    with pytest.raises(InputError, match="value that the paper leaves open must be one of"):
        require_axes(scenario, "delay_budget_s", None)
    with pytest.raises(InputError, match="--x and --y must be two values; got 'uplink_gain' twice"):
        require_axes(scenario, "uplink_gain", "uplink_gain")


def test_places_have_the_optima_that_the_planner_proves(monkeypatch):
    monkeypatch.setattr(worth, "CHUNK", 2)
    scenario = load_scenario("digits")
    rng = keyed_generator(1, Stream.CALIBRATION)
    places = [dict(zip(open_values(scenario), rng.random(13), strict=True)) for _ in range(5)]
    table = plan_places(at_once, "draws", scenario, places, limited=True)
    for shares, row in zip(places, table.to_dict("records"), strict=True):
        there = place(scenario, shares)
        results = {scheme: baselines.plan(there, scheme) for scheme in (JOINT, *SINGLE)}
        for scheme, result in results.items():
            assert row[scheme] == pytest.approx(result.relaxed_bound, rel=1e-4)
            assert row[scheme] <= result.gradient_norm_bound * (1 + 1e-6)
        better = min(row[scheme] for scheme in SINGLE)
        assert row["gain"] == pytest.approx(1 - row[JOINT] / better)
        assert row["certified"]


def test_a_place_where_nothing_fits_gains_nothing():
    poor = load_scenario("digits").replace(delay_budget_s=1e-9)
    table = plan_places(at_once, "draws", poor, [{"uplink_gain": 0.5}], limited=True)
    assert np.isinf(table[JOINT]).all() and table["gain"].tolist() == [0.0]
    assert not table["at_a_limit"].any()


def test_the_round_limit_of_pretraining_decides_on_digits(monkeypatch):
    sizes = sensitivity.Sizes(draws=8)
    scenario = load_scenario("digits")
    drawn, values = sensitivity._decide(at_once, scenario, [*open_values(scenario)], sizes)
    assert len(drawn) == 16 and len(values) == 13
    assert values["value"][0] == "max_pretrain_rounds"
    assert values["rank_correlation"][0] < -0.3
    at_limits = drawn[drawn["at_a_limit"]]
    assert at_limits["gain"].median() > 0.01 > drawn.loc[~drawn["at_a_limit"], "gain"].max()


def test_without_round_limits_the_joint_design_is_hardly_better_on_digits():
    table = plan_places(
        at_once, "grid", load_scenario("digits"), sensitivity._grid(2), limited=False
    )
    assert len(table) == 16 and table["certified"].all()
    assert table["gain"].max() < 0.05
    limited = plan_places(at_once, "map", load_scenario("digits"), [{}], limited=True)
    assert limited["gain"][0] > 0.1


def test_plans_that_train_alike_share_their_training():
    scenario = load_scenario("digits")
    plan = baselines.plan(scenario).plan
    slower = scenario.replace(server_clock_limit_hz=1e9)
    assert Trial(scenario, plan).digest == Trial(slower, plan).digest
    turned = scenario.replace(**{"learning.finetune_rotation_deg": 10.0})
    fading = scenario.replace(channel_mode="per-round")
    other = baselines.plan(scenario, "finetune-only").plan
    digests = {Trial(s, plan).digest for s in (scenario, turned, fading)}
    assert len({*digests, Trial(scenario, other).digest}) == 4


def test_the_verdict_counts_what_the_tables_hold():
    counts = pd.DataFrame(
        {
            "places": [
                "grid, no limit", "draws, no limit", "draws with limits",
                "those at a limit", "those at none",
            ],
            "n": [16, 8, 8, 5, 3],
            "worth_it": [1, 0, 4, 4, 0],
            "median_gain": [0.0, 0.0, 0.1, 0.2, 0.0],
            "largest_gain": [0.02, 0.0, 0.3, 0.3, 0.001],
            "certified": [16, 8, 8, 5, 3],
        }
    )  # fmt: skip
    ranges = open_values(load_scenario("digits"))
    values = pd.DataFrame(
        {
            "value": ["max_pretrain_rounds", "max_finetune_rounds", "uplink_gain"],
            "total": [0.9, 0.2, 0],
        }
    )
    trained = pd.DataFrame(
        {
            "gain": [0.2, 0.2, 0.0],
            "ahead": [0.1, 0.01, -0.5],
            "verdict": ["holds", "not settled", "does not hold"],
        }
    )
    words = sensitivity.in_words(counts, values, ranges, trained, "tight bound")
    assert words.startswith("Where a round limit binds, the joint design")
    assert "in 4 of 5 draws, by 20.0% in the median and 30.0% at most" in words
    assert "in 0 of 3, and without limits in 0 of 8 draws and 1 of 16 places" in words
    assert "M^max (0.90), N^max (0.20)" in words
    assert "of 2 places that the tight bound calls worth it it ends below" in words
    assert "in 2 on average, beyond the seeds in 1, and above in 0; of 1 places" in words
