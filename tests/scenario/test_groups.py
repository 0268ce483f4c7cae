import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym import InputError, load_scenario
from edgegym.scenario.groups import PER_DEVICE, expand_groups
from edgegym.systems.two_stage.scenario import Scenario

PHONE = {"name": "phone", "count": 2, "uplink_gain": 1e-5}
BOARD = {"name": "board", "count": 1, "uplink_gain": 2e-5}


def expand(*groups, **data):
    return expand_groups(data | {"device_group": list(groups)}, where="own.toml")


def test_without_groups_nothing_changes():
    data = {"uplink_gain": [1.0, 2.0], "device_pue": 1.0}
    assert expand_groups(data, where="own.toml") == data


def test_groups_follow_each_other_and_one_number_stands_for_all():
    assert expand(PHONE, BOARD, device_pue=2, name="own") == {
        "name": "own",
        "uplink_gain": [1e-5, 1e-5, 2e-5],
        "device_pue": [2, 2, 2],
    }


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0.1, 10)), min_size=1, max_size=5))
def test_a_scenario_of_groups_is_that_of_its_lists(groups):
    base = load_scenario("mnist").model_dump(mode="json")
    data = base | {key: base[key][0] for key in PER_DEVICE}
    tables = [
        {"name": str(i), "count": n, "device_pue": pue, "uplink_gain": 1e-6 * (i + 1)}
        for i, (n, pue) in enumerate(groups)
    ]
    rest = {key: data[key] for key in data if key not in ("device_pue", "uplink_gain")}
    scenario = Scenario.parse(rest | {"device_group": tables}, where="the test")
    assert scenario.n_devices == sum(n for n, _ in groups)
    assert scenario.device_pue.tolist() == [pue for n, pue in groups for _ in range(n)]
    assert scenario == Scenario.parse(scenario.model_dump(mode="json"), where="the test")


def test_groups_of_numpy_values_are_those_of_plain_ones():
    base = load_scenario("mnist").model_dump(mode="json")
    rest = {key: base[key] for key in base if key not in PER_DEVICE} | {
        key: base[key][0] for key in PER_DEVICE if key != "uplink_gain"
    }
    numpy = {"name": np.str_("phone"), "count": np.int64(2), "uplink_gain": np.array(1e-5)}
    made = [
        Scenario.parse(rest | {"device_group": groups}, where="the test")
        for groups in ((numpy, BOARD), [PHONE, BOARD])
    ]
    assert made[0] == made[1]


def test_a_list_of_one_value_for_each_device_may_stand_beside_groups():
    assert expand(PHONE, BOARD, device_pue=[1, 2, 3])["device_pue"] == [1, 2, 3]


def test_groups_survive_nowhere_and_a_scenario_of_groups_can_be_changed():
    scenario = load_scenario("digits-profiles")
    assert "device_group" not in scenario.model_dump()
    assert scenario.replace(n_devices=3, device_pue=2.0).device_pue.tolist() == [2.0] * 3


@pytest.mark.parametrize(
    ("groups", "data", "message"),
    [
        (3, {}, r"device_group must be one or more tables \[\[device_group\]\]; got 3\. Correct"),
        ([], {}, "device_group must be one or more tables"),
        ([PHONE, 3], {}, "device_group must be one or more tables"),
        ([PHONE | {"cout": 1}], {}, "key in a device_group of own.toml must be .* mean 'count'"),
        ([PHONE | {"delay_budget_s": 1}], {}, "must be one of name, count, uplink_gain, .*; got"),
        ([{"count": 1}], {}, "name of a device_group must be given as text; got None. Add it"),
        ([{"name": "a"}], {}, "count of device_group 'a' must be a positive whole number; got No"),
        ([PHONE | {"count": 0}], {}, "count of device_group 'phone' must be .*; got 0. Correct"),
        ([PHONE | {"count": 1.5}], {}, r"count of device_group 'phone' must be .*; got 1\.5"),
        ([PHONE | {"count": True}], {}, "count of device_group 'phone' must be .*; got True"),
        (
            [PHONE | {"uplink_gain": [1, 2]}],
            {},
            r"uplink_gain of device_group 'phone' must be one number; got \[1, 2\]",
        ),
        (
            [PHONE, {"name": "board", "count": 1}],
            {},
            "uplink_gain must be given by every device_group or by none; got none in 'board'. Add",
        ),
        (
            [PHONE],
            {"uplink_gain": 1.0},
            "uplink_gain must be given once; got it for all devices and in device_group 'phone'",
        ),
        (
            [PHONE],
            {"device_pue": [1, 2, 3]},
            "device_pue must hold one value for each of the 2 devices in device_group; got 3. Give",
        ),
    ],
)
def test_wrong_groups_are_named(groups, data, message):
    with pytest.raises(InputError, match=message):
        expand_groups(data | {"device_group": groups}, where="own.toml")


def test_a_value_out_of_range_is_named_with_its_rule():
    data = load_scenario("digits-profiles").model_dump(mode="json")
    rest = {key: value for key, value in data.items() if key != "uplink_gain"}
    group = {"name": "all", "count": 10, "uplink_gain": -1.0}
    with pytest.raises(InputError, match=r"uplink_gain must hold positive.*; got -1\.0"):
        Scenario.parse(rest | {"device_group": [group]}, where="the test")
