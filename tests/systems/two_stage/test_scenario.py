import math
import pickle

import numpy as np
import pytest
from shipped import shipped_of

from edgegym import InputError, load_scenario
from edgegym.scenario.document import scenario_text, shipped_scenarios

PAPER = {
    "mnist": {
        "delay_budget_s": 1000,
        "energy_budget_j": 300,
        "learning_rate": 0.01,
        "n_devices": 3,
        "server_tx_power_w": 0.5,
        "update_size_bits": 0.2e6,
        "flop_per_sample": 1e6,
        "uplink_bandwidth_hz": [100e3] * 3,
        "downlink_bandwidth_hz": 100e3,
        "server_noise_psd_w_per_hz": 1e-16,
        "device_noise_psd_w_per_hz": [1e-16] * 3,
        "server_clock_limit_hz": 1600e6,
        "device_clock_limit_hz": [360e6] * 3,
        "pretrain_batch_size_limit": 700,
        "finetune_batch_size_limit": [700] * 3,
        "server_pue": 4,
        "device_pue": [1] * 3,
        "server_power_coefficient_w_per_hz3": 3.91e-27,
        "device_power_coefficient_w_per_hz3": [1.09e-27, 1.56e-27, 2.34e-27],
        "device_tx_power_peak_limit_w": [0.5] * 3,
        "device_tx_power_mean_limit_w": [0.5] * 3,
    },
    "cinic10-cifar10": {
        "delay_budget_s": 3500,
        "energy_budget_j": 2700,
        "update_size_bits": 24e6,
        "flop_per_sample": 4e9,
        "uplink_bandwidth_hz": [3e6] * 3,
        "downlink_bandwidth_hz": 3e6,
        "server_noise_psd_w_per_hz": 3.3e-18,
        "server_clock_limit_hz": 4000e6,
        "device_clock_limit_hz": [900e6] * 3,
        "pretrain_batch_size_limit": 500,
        "server_pue": 4,
        "server_power_coefficient_w_per_hz3": 2.5e-28,
        "device_power_coefficient_w_per_hz3": [0.7e-28, 1e-28, 1.5e-28],
    },
}


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_values_are_in_force(name):
    scenario = load_scenario(name)
    for key, value in PAPER[name].items():
        assert np.array_equal(getattr(scenario, key), value), key


@pytest.mark.parametrize("name", shipped_of("two-stage"))
def test_every_value_carries_its_source(name):
    for line in scenario_text(name).splitlines():
        if " = " in line and not line.startswith(("#", "name")):
            source = line.partition("#")[2].strip()
            assert source == "paper" or source.startswith(
                ("paper: ", "assumed: ", "measured: ", "calibrated: ")
            ), line


def test_digits_is_the_first_and_default():
    assert next(iter(shipped_scenarios())) == "digits"


def test_a_checked_copy_leaves_the_original_as_it_was():
    scenario = load_scenario("mnist")
    copy = scenario.replace(delay_budget_s=800.0, **{"learning.n_test_samples": 10})
    assert (copy.delay_budget_s, copy.learning.n_test_samples) == (800.0, 10)
    assert scenario == load_scenario("mnist") != copy
    assert hash(scenario) == hash(load_scenario("mnist"))


def test_a_scenario_cannot_be_changed_in_place():
    scenario = load_scenario("mnist")
    with pytest.raises(ValueError, match="frozen"):
        scenario.delay_budget_s = 1.0
    with pytest.raises(ValueError, match="read-only"):
        scenario.uplink_gain[0] = 1.0


def test_a_scenario_survives_pickling():
    assert pickle.loads(pickle.dumps(load_scenario("mnist"))) == load_scenario("mnist")


def test_one_number_stands_for_all_devices():
    scenario = load_scenario("mnist").replace(device_pue=2.0)
    assert scenario.device_pue.tolist() == [2.0] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"delay_budget_s": -3}, r"delay_budget_s must be greater than 0; got -3(\.0)?\. Correct"),
        ({"delay_budget_s": math.nan}, r"delay_budget_s must be .*; got nan"),
        ({"energy_budget_j": math.inf}, r"energy_budget_j must be a finite number; got inf"),
        ({"max_pretrain_rounds": 0}, "max_pretrain_rounds must be greater than or equal to 1"),
        ({"max_pretrain_rounds": 2.5}, r"max_pretrain_rounds must be a valid integer.*; got 2\.5"),
        ({"uplink_gain": [1e-6, -1e-6, 1e-6]}, "uplink_gain must hold positive.*; got -1e-06"),
        ({"uplink_gain": [1e-6, math.nan, 1e-6]}, "uplink_gain must hold positive.*; got nan"),
        ({"finetune_batch_size_limit": [1, 2, 2.5]}, r"must hold whole numbers only; got 2\.5"),
        ({"device_pue": [1.0, 1.0]}, r"device_pue must hold one value for each of the 3.*\(2,\)"),
        ({"device_pue": "fast"}, "device_pue must be a number or a list of numbers; got 'fast'"),
        ({"channel_mode": "fxed"}, "channel_mode must be 'fixed', 'per-episode' or 'per-round'"),
        ({"learning.network": "resnet"}, "learning.network must be one of lenet, .*; got"),
        ({"learning.precision": "float16"}, "precision must be 'float32' or 'bfloat16'; got"),
        ({"delay_budget": 3}, "got 'delay_budget'. Did you mean 'delay_budget_s'?"),
        ({"learning.n_test": 3}, "Did you mean 'learning.n_test_samples'?"),
        ({"learning.network.depth": 3}, "scenario key must be one of"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(changes, message):
    with pytest.raises(InputError, match=message):
        load_scenario("mnist").replace(**changes)


def test_an_unknown_scenario_is_answered_with_the_names():
    with pytest.raises(InputError, match=r"one of digits, .*; got 'mnst'\. Did you mean 'mnist'\?"):
        load_scenario("mnst")


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"scenario file must exist; got 'no\.toml'"):
        load_scenario("no.toml")


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("name", ["mnist", "digits-measured"])
def test_a_byte_order_mark_is_no_part_of_a_scenario(tmp_path, name):
    file = write(tmp_path, shipped_scenarios()[name].read_text(encoding="utf-8"), "utf-8-sig")
    assert load_scenario(file) == load_scenario(name)


def test_a_file_may_differ_from_a_shipped_scenario(tmp_path):
    text = scenario_text("mnist").replace("delay_budget_s = 1000.0", "delay_budget_s = 700.0")
    assert load_scenario(write(tmp_path, text)).delay_budget_s == 700.0


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("delay_budget_s = 1000.0", "delay_budget_s = ", "must be TOML; got .*own.toml"),
        ("delay_budget_s = 1000.0", "", "delay_budget_s must be given; got nothing. Add it to"),
        ("delay_budget_s = 1000.0", "budget_s = 1.0", "key in scenario .* got 'budget_s'|given"),
        ('network = "lenet"', 'network = "lenet"\ndepth = 3', "got 'learning.depth'"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path, before, after, message):
    with pytest.raises(InputError, match=message):
        load_scenario(write(tmp_path, scenario_text("mnist").replace(before, after)))


@pytest.mark.parametrize("n_devices", [1, 2, 7])
def test_more_or_fewer_devices_take_the_present_values_in_turn(n_devices):
    mnist = load_scenario("mnist")
    changed = mnist.replace(n_devices=n_devices, delay_budget_s=5.0)
    assert (changed.n_devices, changed.delay_budget_s) == (n_devices, 5.0)
    expected = [mnist.uplink_gain[k % 3] for k in range(n_devices)]
    assert changed.uplink_gain.tolist() == expected
    assert len(changed.device_clock_limit_hz) == n_devices


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_devices", np.int64(2)),
        ("finetune_batch_size_limit", np.int64(16)),
        ("finetune_batch_size_limit", [np.int32(16), np.array(17), 18]),
        ("max_pretrain_rounds", np.array(7)),
        ("device_pue", np.float32(1.5)),
        ("device_pue", np.array(1.5)),
        ("delay_budget_s", np.float32(80)),
        ("channel_mode", np.str_("per-round")),
        ("channel_mode", np.array("per-round")),
        ("learning.n_test_samples", np.uint8(20)),
    ],
)
def test_numpy_values_are_taken_as_the_plain_ones(key, value):
    digits = load_scenario("digits")
    plain = [getattr(v, "tolist", lambda v=v: v)() for v in np.atleast_1d(value)]
    plain = plain if isinstance(value, list) else plain[0]
    assert digits.replace(**{key: value}) == digits.replace(**{key: plain})


@pytest.mark.parametrize("value", [np.int64(0), np.float64(2.5), np.bool_(True), np.array([2, 3])])
def test_numpy_values_keep_the_rules(value):
    with pytest.raises(InputError, match="n_devices must be a whole number, at least 1; got"):
        load_scenario("mnist").replace(n_devices=value)
    with pytest.raises(InputError, match="channel_mode must be"):
        load_scenario("mnist").replace(channel_mode=value)


@pytest.mark.parametrize("wrong", [None, 5, b"digits"])
def test_a_scenario_that_is_no_text_is_refused(wrong):
    with pytest.raises(InputError, match="scenario must be text or a path; got"):
        load_scenario(wrong)


@pytest.mark.parametrize("n_devices", [0, -1, 2.5, True, "3"])
def test_a_number_of_devices_that_is_none_is_refused(n_devices):
    with pytest.raises(InputError, match="n_devices must be a whole number, at least 1; got"):
        load_scenario("mnist").replace(n_devices=n_devices)
