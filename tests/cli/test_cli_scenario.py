import tomllib

import pytest

from edgegym import load_scenario
from edgegym.two_stage.scenario import scenario_text, shipped_scenarios

SHIPPED = list(shipped_scenarios())


def test_list_names_every_shipped_scenario_and_the_default_first(ask, succeed):
    names = [row["name"] for row in ask("scenario", "list")["scenarios"]]
    assert names == SHIPPED
    assert names[0] == "digits"
    assert {"digits", "mnist", "cinic10-cifar10"} <= set(names)
    assert all(name in succeed("scenario", "list") for name in names)


@pytest.mark.parametrize("name", SHIPPED)
def test_show_prints_the_shipped_file_with_its_comments(succeed, name):
    assert succeed("scenario", "show", "--scenario", name) == scenario_text(name)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_show_prints_loads_to_the_same_scenario(succeed, tmp_path, name):
    path = tmp_path / "copy.toml"
    path.write_text(succeed("scenario", "show", "--scenario", name))
    assert load_scenario(path) == load_scenario(name)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("delay_budget_s", "42", 42),
        ("uplink_gain", "[1e-5, 2e-5, 3e-5]", [1e-5, 2e-5, 3e-5]),
        ("channel_mode", "per-round", "per-round"),
        ("learning.n_test_samples", "20", 20),
    ],
)
def test_a_changed_value_is_marked_and_loads(succeed, tmp_path, key, text, value):
    shown = succeed("scenario", "show", "--set", f"{key}={text}")
    marked = [line for line in shown.splitlines() if "given by --set" in line]
    assert len(marked) == 1
    assert marked[0].startswith(key.split(".")[-1])
    path = tmp_path / "changed.toml"
    path.write_text(shown)
    assert load_scenario(path) == load_scenario("digits").replace(**{key: value})


def test_a_change_keeps_every_other_line(succeed):
    shown = succeed("scenario", "show", "--set", "delay_budget_s=42").splitlines()
    original = scenario_text("digits").splitlines()
    assert len(shown) == len(original)
    changed = [old for old, new in zip(original, shown, strict=True) if old != new]
    assert [line.split()[0] for line in changed] == ["delay_budget_s"]


def test_show_sets_a_key_that_the_file_leaves_to_its_default(succeed, tmp_path):
    path, key = tmp_path / "short.toml", "finetune_rotation_deg"
    lines = scenario_text("mnist").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(key)))
    assert key not in path.read_text()
    shown = succeed("scenario", "show", "-s", path, "--set", f"learning.{key}=45")
    assert tomllib.loads(shown)["learning"][key] == 45


def test_show_as_json_gives_every_value_in_full(ask):
    shown = ask("scenario", "show")
    assert shown == load_scenario("digits").model_dump(mode="json")
    assert len(shown["device_clock_limit_hz"]) == 3


def test_show_refuses_what_the_scenario_would_refuse(refusal):
    assert "delay_budget_s" in refusal("scenario", "show", "--set", "delay_budget_s=-1")


def test_a_scenario_file_may_say_one_number_for_all_devices(ask, tmp_path):
    path = tmp_path / "five.toml"
    text = scenario_text("digits").replace("[1.09e-27, 1.56e-27, 2.34e-27]", "1e-27")
    for gains in ("[6.8e-6, 1.02e-5, 2.0e-6]", "[2.0e-6, 5.0e-6, 9.0e-6]"):
        text = text.replace(gains, str([5e-6] * 5))
    path.write_text(text)
    assert len(ask("plan", "--scenario", path)["device_tx_power_w"]) == 5


@pytest.mark.parametrize("name", SHIPPED)
def test_check_has_nothing_to_remark_on_a_shipped_scenario(ask, name):
    checked = ask("scenario", "check", "--scenario", name)
    if name.endswith("-measured"):  # a real network is not as smooth as Theorem 3.1 asks
        assert len(checked.pop("remarks")) == 1
        assert checked == {"scenario": name, "valid": True}
    else:
        assert checked == {"scenario": name, "valid": True, "remarks": []}


def test_check_remarks_on_a_learning_rate_that_voids_the_theorem(ask):
    (remark,) = ask("scenario", "check", "--set", "learning_rate=0.5")["remarks"]
    assert remark.startswith("learning_rate must be at most")
    assert "got 0.5" in remark


def test_check_converts_what_looks_like_another_unit(succeed):
    text = succeed("scenario", "check", "--set", "uplink_gain=[51.7, 1e-5, 2e-6]")
    assert "- uplink_gain is 51.7, and at most 1 is usual. A loss of 51.7 dB would be" in text


def test_check_has_no_remark_where_learning_rate_times_smoothness_is_one(ask):
    changes = ("--set", "learning_rate=0.125", "--set", "pretrain_smoothness=8")
    remarks = ask("scenario", "check", *changes, "--set", "finetune_smoothness=8")["remarks"]
    assert remarks == []


def test_check_names_the_schemes_that_the_budgets_do_not_allow(ask, succeed):
    changes = ("--set", "delay_budget_s=0.0101")
    remarks = ask("scenario", "check", *changes)["remarks"]
    assert len(remarks) == 3
    assert remarks[0].startswith("A fine-tuning round takes 0.232 s")
    for scheme, remark in zip(("fixed-batch", "finetune-only"), remarks[1:], strict=True):
        assert f"must allow one round of scheme {scheme}; got 0.0101 s" in remark
    text = succeed("scenario", "check", *changes)
    assert all(remark in text for remark in remarks)


@pytest.mark.parametrize("command", ["show", "check"])
@pytest.mark.parametrize("given", [["mnist"], ["--scenario", "mnist"], ["mnist", "-s", "mnist"]])
def test_the_name_is_an_argument_or_an_option(ask, command, given):
    assert (
        ask("scenario", command, *given)[{"show": "name", "check": "scenario"}[command]] == "mnist"
    )


def test_a_file_is_checked_by_its_path(ask, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(scenario_text("mnist").replace('"mnist"', '"mine"', 1))
    assert ask("scenario", "check", path)["scenario"] == "mine"


@pytest.mark.parametrize("command", ["show", "check"])
def test_two_different_names_are_refused(refusal, command):
    sentence = refusal("scenario", command, "mnist", "--scenario", "digits")
    assert sentence.startswith(
        "--scenario must name the same scenario as the argument; got 'digits'"
    )
