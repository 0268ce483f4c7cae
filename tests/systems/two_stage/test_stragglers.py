import numpy as np
import pytest

from edgegym import InputError, load_scenario
from edgegym.lifecycle.draws import BLOCK_ROUNDS
from edgegym.systems.two_stage.costs import finetune_round_cost
from edgegym.systems.two_stage.scenario import Scenario
from edgegym.systems.two_stage.stragglers import block_clock_shares, clock_share

SLOW = load_scenario("mnist").replace(straggler_probability=0.3, straggler_clock_share=0.25)


def test_there_are_none_unless_asked_for():
    scenario = load_scenario("mnist")
    assert (scenario.straggler_probability, scenario.straggler_clock_share) == (0, 1)
    assert clock_share(scenario, 5, 70).tolist() == [1, 1, 1]


def test_shares_are_one_or_the_scenarios_as_often_as_it_says():
    shares = np.stack([clock_share(SLOW, 5, n) for n in range(40 * BLOCK_ROUNDS)])
    assert set(np.unique(shares)) == {0.25, 1.0}
    assert (shares < 1).mean(axis=0) == pytest.approx(0.3, abs=0.03)
    together = ((shares[:, 0] < 1) & (shares[:, 1] < 1)).mean()
    assert together == pytest.approx(0.09, abs=0.02)


def test_blocks_follow_each_other():
    blocks = np.concatenate([block_clock_shares(SLOW, 5, block) for block in range(3)], axis=-1)
    rounds = np.stack([clock_share(SLOW, 5, n) for n in range(3 * BLOCK_ROUNDS)], axis=-1)
    assert np.array_equal(blocks, rounds)
    first, second, _ = np.split(blocks, 3, axis=-1)
    assert not np.array_equal(first, second)


def test_stragglers_are_those_of_the_seed():
    one, other = (block_clock_shares(SLOW, seed, 0) for seed in (5, 6))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, block_clock_shares(SLOW, 5, 0))


def test_further_devices_leave_the_first_as_they_were_and_so_does_the_channel():
    more = SLOW.replace(n_devices=7, channel_mode="per-round")
    for n in (0, 70):
        assert np.array_equal(clock_share(more, 5, n)[:3], clock_share(SLOW, 5, n))


def test_more_likely_stragglers_are_the_same_ones_and_more():
    likely = block_clock_shares(SLOW.replace(straggler_probability=0.6), 5, 0) < 1
    assert (likely | ~(block_clock_shares(SLOW, 5, 0) < 1)).all()


def test_a_throttled_round_takes_longer_and_less_energy_as_the_cost_functions_say():
    asked = {"batch_size": np.full(3, 180), "tx_power_w": np.full(3, 0.5)}
    clock_hz = np.full(3, 360e6)
    plain = finetune_round_cost(SLOW, clock_hz=clock_hz, **asked)
    slow = finetune_round_cost(SLOW, clock_hz=clock_hz * [0.25, 1, 1], **asked)
    # 180 MFLOP take 0.5 s and 1.09e-27 · 180e6 · (360e6)² J at the full clock.
    energy_j = 1.09e-27 * 180e6 * 360e6**2
    assert plain.energy_j - slow.energy_j == pytest.approx(energy_j * (1 - 0.25**2))
    assert slow.delay_s > plain.delay_s


def test_a_scenario_written_before_there_were_stragglers_can_be_read():
    data = load_scenario("digits").model_dump(mode="json")
    for key in ("straggler_probability", "straggler_clock_share"):
        del data[key]
    del data["learning"]["dirichlet_concentration"]
    assert Scenario.parse(data, where="an old manifest") == load_scenario("digits")


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("straggler_probability", -0.1, "must be greater than or equal to 0"),
        ("straggler_probability", 1.0, "must be less than 1"),
        ("straggler_probability", np.nan, "must be"),
        ("straggler_clock_share", 0.0, "must be greater than 0"),
        ("straggler_clock_share", 1.5, "must be less than or equal to 1"),
        ("straggler_clock_share", np.nan, "must be"),
        ("learning.dirichlet_concentration", 0.0, "must be greater than 0"),
        ("learning.dirichlet_concentration", np.inf, "must be a finite number"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_rule(key, value, rule):
    with pytest.raises(InputError, match=rf"{key} {rule}.*; got {value}"):
        SLOW.replace(**{key: value})
