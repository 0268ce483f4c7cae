import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.lifecycle.draws import BLOCK_ROUNDS
from edgegym.systems.two_stage.channel import block_gains, round_gains

FADING = load_scenario("mnist").replace(channel_mode="per-round")


@pytest.mark.parametrize(
    ("mode", "changes"), [("fixed", False), ("per-episode", False), ("per-round", True)]
)
def test_gains_change_as_the_mode_says(mode, changes):
    scenario = FADING.replace(channel_mode=mode)
    first = np.stack(round_gains(scenario, 5, 0))
    for later in (9, BLOCK_ROUNDS):
        second = np.stack(round_gains(scenario, 5, later))
        assert (not np.array_equal(first, second)) == changes
    if mode == "fixed":
        assert np.array_equal(first, [scenario.uplink_gain, scenario.downlink_gain])


def test_gains_are_those_of_the_seed_and_both_links_have_their_own():
    uplink, downlink = round_gains(FADING, 5, 3)
    assert np.array_equal(uplink, round_gains(FADING, 5, 3)[0])
    assert not np.array_equal(uplink, round_gains(FADING, 6, 3)[0])
    assert not np.array_equal(uplink, downlink)


def test_blocks_follow_each_other_and_no_gain_comes_twice():
    blocks = np.concatenate([block_gains(FADING, 5, block) for block in range(3)], axis=-1)
    rounds = np.stack([round_gains(FADING, 5, n) for n in range(3 * BLOCK_ROUNDS)], axis=-1)
    assert np.array_equal(blocks, rounds)
    assert np.unique(blocks).size == blocks.size
    assert blocks.mean() == pytest.approx(FADING.mean_path_gain, rel=0.1)


@pytest.mark.parametrize("mode", ["per-episode", "per-round"])
def test_further_devices_leave_the_channels_of_the_first_as_they_were(mode):
    few, many = (FADING.replace(channel_mode=mode, n_devices=k) for k in (3, 7))
    for n in (0, 70):
        for first, more in zip(round_gains(few, 5, n), round_gains(many, 5, n), strict=True):
            assert np.array_equal(first, more[:3])
