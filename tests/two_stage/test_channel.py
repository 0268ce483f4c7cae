import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.two_stage.channel import round_gains


@pytest.mark.parametrize(
    ("mode", "changes"), [("fixed", False), ("per-episode", False), ("per-round", True)]
)
def test_gains_change_as_the_mode_says(mode, changes):
    scenario = load_scenario("mnist").replace(channel_mode=mode)
    first, second = (np.stack(round_gains(scenario, 5, n)) for n in (0, 9))
    assert (not np.array_equal(first, second)) == changes
    if mode == "fixed":
        assert np.array_equal(first, [scenario.uplink_gain, scenario.downlink_gain])


def test_gains_are_those_of_the_seed_and_both_links_have_their_own():
    scenario = load_scenario("mnist").replace(channel_mode="per-round")
    uplink, downlink = round_gains(scenario, 5, 3)
    assert np.array_equal(uplink, round_gains(scenario, 5, 3)[0])
    assert not np.array_equal(uplink, round_gains(scenario, 6, 3)[0])
    assert not np.array_equal(uplink, downlink)
