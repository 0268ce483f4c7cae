import pickle
import tomllib

import numpy as np
import pytest

from edgegym import InputError, load_scenario
from edgegym.scenario.document import scenario_text
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.rules import CooperativeRules
from edgegym.systems.cooperative.scenario import PER_DEVICE, CooperativeScenario

DEFAULT = load_scenario("cooperative-digits")


def test_every_value_of_the_default_says_where_it_comes_from():
    text = scenario_text("cooperative-digits")
    lines = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    assert len(lines) == len(tomllib.loads(text)) - 1 + len(tomllib.loads(text)["learning"])
    sourced = [line for line in lines if not line.startswith(("name", "system"))]
    assert all("# assumed" in line or "# measured: " in line for line in sourced)
    assert "DEFT-style" in text


def test_a_number_stands_for_equal_ones():
    assert all(getattr(DEFAULT, key).shape == (10,) for key in PER_DEVICE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uplink_gain": [1e-9] * 3}, "uplink_gain must hold one value for each of the 10 devices"),
        ({"n_devices": 3}, "must hold one value for each of the 3 devices of n_devices; got"),
        ({"device_clock_hz": float("nan")}, "device_clock_hz must hold positive, finite numbers"),
        (
            {"backward_flop_per_sample": [3.0, 2.0, 4.0, 5.0, 6.0, 7.0]},
            "backward_flop_per_sample must not fall with the depth",
        ),
        ({"activation_bytes_per_sample": [1.0]}, "must hold one value for each block"),
        ({"batch_size_limit": 8}, "batch_size_limit must be at least least_batch_size, 16; got 8"),
        ({"learning.n_device_samples": 9}, "at least one for each of 10 devices; got 9"),
        ({"delay_budget": 1.0}, "scenario key must be one of .* Did you mean 'delay_budget_s'"),
        ({"uplink_efficiency_bps_per_hz": [1.0]}, "uplink_efficiency_bps_per_hz must hold one"),
        ({"learning.n_pretrain_rounds": -1}, "n_pretrain_rounds must be greater than or equal"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        DEFAULT.replace(**changes)


def test_a_scenario_survives_json_and_pickle():
    again = CooperativeScenario.model_validate_json(DEFAULT.model_dump_json())
    assert again == DEFAULT == pickle.loads(pickle.dumps(DEFAULT))


def test_whoever_holds_a_block_holds_all_above_it_and_hall_counts_decide():
    able = blocks.able(DEFAULT)
    assert np.all(able[:-1] >= able[1:])
    assert blocks.lacking(DEFAULT) == ""
    assert (~able).any() and able.any(axis=1).all()


def test_an_environment_of_what_cannot_be_dealt_out_is_refused():
    short = DEFAULT.replace(device_memory_bytes=0.7e6)
    with pytest.raises(InputError, match="device_memory_bytes must let 1 of the devices hold bl"):
        CooperativeRules(short)
    assert CooperativeRules(short.replace(least_batch_size=4)).parts[0].able.all()
