import json

import pytest

import baselines
from edgegym import InputError
from edgegym.scenario.document import shipped_scenarios
from edgegym.systems.two_stage.scenario import Scenario

UNKNOWN = [
    (["--scenario", "minst"], shipped_scenarios(), "mnist"),
    (["--scheme", "jiont"], baselines.SCHEMES, "joint"),
    (["--scheme", "finetune_only"], baselines.SCHEMES, "finetune-only"),
    (["--method", "exat"], baselines.METHODS, "exact"),
    (["--set", "delay_bugdet_s=3"], Scenario.valid_keys(), "delay_budget_s"),
    (["--set", "learning.n_test_sample=3"], Scenario.valid_keys(), "learning.n_test_samples"),
    (["--set", "n_test_samples=3"], Scenario.valid_keys(), "learning.n_test_samples"),
]
BAD_NUMBERS = [
    ("delay_budget_s", "nan", "finite", "nan"),
    ("delay_budget_s", "inf", "finite", "inf"),
    ("delay_budget_s", "-1", "greater than 0", "-1"),
    ("energy_budget_j", "0", "greater than 0", "0"),
    ("delay_budget_s", "soon", "number", "'soon'"),
    ("max_pretrain_rounds", "2.5", "integer", "2.5"),
    ("max_finetune_rounds", "0", "greater than or equal to 1", "0"),
    ("pretrain_gradient_variance", "-0.1", "greater than or equal to 0", "-0.1"),
    ("device_clock_limit_hz", "[1e8, 2e8]", "one value for each of the 3 devices", "(2,)"),
    ("device_clock_limit_hz", "[1e8, nan, 2e8]", "positive, finite", "nan"),
    ("device_pue", "-3", "positive, finite", "-3"),
    ("finetune_batch_size_limit", "[8, 8, 8.5]", "whole numbers", "8.5"),
    ("uplink_gain", "[1e-5, -2e-5, 1e-5]", "positive, finite", "-2e-05"),
    ("channel_mode", "fxed", "'fixed'", "'fxed'"),
    ("learning.n_test_samples", "-5", "greater than or equal to 1", "-5"),
    ("learning.network", "lnet", "one of lenet, googlenet", "'lnet'"),
    (
        "learning.network",
        "googlenet",
        "lenet or row-transformer or row-transformer-4 or row-transformer-6 for digits",
        "googlenet, which takes 3x32x32",
    ),
    (
        "learning.finetune_dataset",
        "cifar10",
        "1x28x28",
        "cifar10, samples of 3x32x32 in 10 classes",
    ),
    ("learning.n_device_samples", "2", "at least one for each of 3 devices", "2"),
    ("learning.n_server_samples", "701", "at most 1797 together", "701 + 600 + 137 + 360"),
    ("learning.finetune_rotation_deg", "nan", "finite", "nan"),
    ("straggler_probability", "nan", "finite", "nan"),
]


def damaged(plan, **changes):
    """Write a plan with some values changed, those of None left out."""
    data = json.loads(plan) | changes
    return json.dumps({key: value for key, value in data.items() if value is not None})


DAMAGED = {
    "garbage": lambda plan: "{{{ no plan",
    "empty": lambda plan: "",
    "half": lambda plan: plan[: len(plan) // 2],
    "a list": lambda plan: "[1, 2, 3]",
    "null": lambda plan: "null",
    "no values": lambda plan: "{}",
    "key missing": lambda plan: damaged(plan, server_clock_hz=None),
    "key unknown": lambda plan: damaged(plan, clock=3),
    "not a number": lambda plan: damaged(plan, server_clock_hz=float("nan")),
    "negative": lambda plan: damaged(plan, pretrain_batch_size=-16),
    "fraction of a sample": lambda plan: damaged(plan, pretrain_batch_size=1.5),
    "wrong length": lambda plan: damaged(plan, server_clock_hz=[1e9, 1e9]),
    "count below zero": lambda plan: damaged(plan, n_pretrain_rounds=-1),
    "count infinite": lambda plan: damaged(plan, n_pretrain_rounds=float("inf")),
    "count not a number": lambda plan: damaged(plan, n_devices=float("nan")),
    "count a word": lambda plan: damaged(plan, n_finetune_rounds="many"),
}


@pytest.mark.parametrize(("option", "valid", "nearest"), UNKNOWN)
def test_an_unknown_name_is_answered_with_the_list_and_the_nearest(refusal, option, valid, nearest):
    sentence = refusal("plan", *option)
    assert all(name in sentence for name in valid)
    assert f"Did you mean {nearest!r}?" in sentence


def test_an_unknown_fidelity_is_answered_with_the_nearest(refusal):
    sentence = refusal("run", "--fidelity", "trian")
    assert "train, curve, bound" in sentence
    assert "Did you mean 'train'?" in sentence


@pytest.mark.parametrize(
    "option", [["--scenario", "minst"], ["--scheme", "jiont"], ["--set", "delay_budget_s=nan"]]
)
def test_a_wrong_input_ends_the_process_with_status_2_and_one_sentence(console, option):
    done = console("plan", "--json", *option)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("edgegym: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_wrong_option_ends_the_process_with_status_2(console):
    done = console("plan", "--jsn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json" in done.stderr


@pytest.mark.parametrize("change", ["delay_budget_s", "=3", "delay_budget_s=", "", "="])
def test_a_malformed_change_is_named_with_an_example(refusal, change):
    sentence = refusal("plan", "--set", change)
    assert "--set must be KEY=VALUE" in sentence
    assert f"got {change!r}" in sentence
    assert "--set delay_budget_s=800" in sentence


@pytest.mark.parametrize(("key", "value", "rule", "got"), BAD_NUMBERS)
def test_a_bad_value_is_answered_with_key_rule_and_value(refusal, key, value, rule, got):
    sentence = refusal("plan", "--set", f"{key}={value}")
    assert sentence.startswith(key)
    assert "must" in sentence
    assert rule in sentence
    assert f"{got}." in sentence.split("; got ")[1]
    assert "digits" in sentence


@pytest.mark.parametrize(
    "command", [["calibrate", "--percentile"], ["bench", "learning", "--seconds"]]
)
def test_every_option_that_is_a_number_is_finite(invoke, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in ("nan", "inf"):
        try:
            assert invoke(*command, value).exit_code == 2  # by newer versions of Click
        except InputError as error:
            assert str(error).startswith(f"{command[-1]} must be a finite number; got {value}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["plan"], ["run"], ["compare"], ["scenario", "show"]])
def test_every_command_refuses_a_bad_value(refusal, command):
    assert refusal(*command, "--set", "delay_budget_s=nan").startswith("delay_budget_s must")


@pytest.mark.parametrize(
    "command", [["run"], ["compare"], ["figure", "4"], ["calibrate"], ["scenario", "check"]]
)
def test_a_network_that_does_not_take_the_data_is_refused_before_a_folder_is_made(
    refusal, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    sentence = refusal(*command, "--scenario", "digits", "--set", "learning.network=googlenet")
    assert sentence.startswith("learning.network must be lenet or row-transformer or row-")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_plan_file_is_named(refusal, tmp_path):
    sentence = refusal("run", "--plan", tmp_path / "none.json", "--fidelity", "bound")
    assert str(tmp_path / "none.json") in sentence


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_plan_file_is_named_and_left_alone(refusal, plan_file, damage):
    plan_file.write_text(DAMAGED[damage](plan_file.read_text()))
    before = plan_file.read_bytes()
    sentence = refusal("run", "--plan", plan_file, "--fidelity", "bound")
    assert str(plan_file) in sentence
    assert plan_file.read_bytes() == before


def test_a_binary_plan_file_is_named_and_left_alone(refusal, plan_file):
    plan_file.write_bytes(b"\xff\xfe\x00plan")
    assert str(plan_file) in refusal("run", "--plan", plan_file, "--fidelity", "bound")
    assert plan_file.read_bytes() == b"\xff\xfe\x00plan"


def test_a_plan_for_another_number_of_devices_is_refused_by_name(refusal, plan_file):
    data = json.loads(plan_file.read_text())
    lists = {key: value[:2] for key, value in data.items() if isinstance(value, list)}
    plan_file.write_text(json.dumps(data | lists | {"n_devices": 2}))
    before = plan_file.read_bytes()
    sentence = refusal("run", "--plan", plan_file, "--fidelity", "bound")
    assert "3 devices" in sentence
    assert str(plan_file) in sentence
    assert plan_file.read_bytes() == before


def test_a_missing_scenario_file_is_named(refusal, tmp_path):
    assert str(tmp_path / "my.toml") in refusal("plan", "--scenario", tmp_path / "my.toml")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b"", b"nme = 'digits'"])
def test_a_damaged_scenario_file_is_named_and_left_alone(refusal, tmp_path, content):
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    assert str(path) in refusal("plan", "--scenario", path)
    assert path.read_bytes() == content


def test_an_unknown_device_is_answered_with_the_list(refusal, tiny):
    sentence = refusal("run", *tiny, "--device", "gpu")
    assert "auto, cpu, cuda" in sentence
    assert "got 'gpu'" in sentence


def test_a_plan_cannot_be_written_where_a_folder_is(refusal, tmp_path):
    assert str(tmp_path) in refusal("plan", "--out", tmp_path)


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["compare"], ["--seeds", 4]),
        (["compare"], ["--set", "delay_budget_s=80"]),
        (["evaluate"], ["--fidelity", "bound"]),
        (["figure", 4], ["--budgets", "50,100"]),
        (["train"], ["--algo", "sac"]),
        (["calibrate"], ["--scenario", "mnist"]),
        (["compare"], ["--out", "elsewhere"]),
    ],
)
def test_what_a_resumed_run_would_ignore_is_refused(refusal, tmp_path, command, option):
    sentence = refusal(*command, "--resume", tmp_path, *option)
    assert sentence.startswith(f"--resume must stand without {option[0]}, ")
    assert list(tmp_path.iterdir()) == []
