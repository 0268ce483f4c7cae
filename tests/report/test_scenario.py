import pytest

from edgegym import load_scenario
from edgegym.report.scenario import scenario_table
from edgegym.scenario.document import shipped_scenarios


def rows_of(scenario, *command):
    return {row[0]: row[1:] for row in scenario_table(scenario, ["edgegym", *command]).rows}


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_value_of_a_shipped_scenario_has_a_source(name):
    scenario = load_scenario(name)
    rows = rows_of(scenario, "compare", "--scenario", name)
    intervals = getattr(scenario, "constant_intervals", None)
    unknown = {f"constant_intervals.{key}" for key, ends in intervals or () if ends is None}
    left_out = unknown | {"name", "learning"}
    assert list(rows) == [key for key in scenario.valid_keys() if key not in left_out]
    for _, _, source in rows.values():
        assert source.startswith(("paper", "assumed: ", "calibrated: ", "measured: ", "default"))


@pytest.mark.parametrize("name", ["digits", "partitioned-digits"])
def test_every_group_has_one_heading_and_the_first_begins_at_the_top(name):
    groups = scenario_table(load_scenario(name), ["edgegym", "compare", "-s", name]).groups
    assert min(groups) == 0
    ours = ["Federation"] if name == "digits" else []
    assert sorted(groups.values()) == [
        *("Budgets and limits", "Channel and radio", "Computing", *ours),
        *("Learning", "Network and data"),
    ]


def test_a_scenario_without_learning_has_no_values_of_it():
    bare = load_scenario("partitioned-digits").replace(learning=None)
    rows = rows_of(bare, "compare", "-s", "partitioned-digits")
    assert "learning_rate" in rows
    assert not any(key.startswith("learning.") for key in rows)


def test_values_stand_with_their_units():
    rows = rows_of(load_scenario("mnist"), "compare", "-s", "mnist")
    assert rows["delay_budget_s"] == ["1000", "s", "paper"]
    assert rows["server_noise_psd_w_per_hz"][1] == "W/Hz"
    assert rows["device_power_coefficient_w_per_hz3"][1] == "W/Hz³"
    assert rows["finetune_batch_size_limit"][:2] == ["700 each", "samples"]
    assert rows["uplink_gain"][1] == "power ratio"
    assert rows["learning.validation_interval"][1] == "rounds"
    assert rows["server_clock_limit_hz"][0].split() == ["1.6", "×", "10⁹"]


def test_what_the_command_changed_is_marked_with_what_was_shipped():
    changed = load_scenario("mnist").replace(delay_budget_s=800.0, energy_budget_j=5.0)
    rows = rows_of(changed, "compare", "-s", "mnist", "--set", "delay_budget_s=800")
    assert rows["delay_budget_s"][2] == "changed by --set; shipped: 1000 (paper)"
    assert rows["energy_budget_j"][2] == "not as shipped; shipped: 300 (paper)"
    assert rows["server_pue"][2] == "paper"


def test_more_devices_by_the_command_mark_what_each_device_has():
    rows = rows_of(load_scenario("digits").replace(n_devices=5), "compare", "--set=n_devices=5")
    assert rows["uplink_gain"][2].startswith("changed by --set; shipped: ")
    assert rows["device_pue"] == ["1 each", "", "paper"]


def test_of_a_file_the_page_says_only_that():
    own = load_scenario("digits").replace(delay_budget_s=9.0)  # its name is a shipped one's
    rows = rows_of(own, "compare", "--scenario", "mine/own.toml")
    assert {source for _, _, source in rows.values()} == {"given in mine/own.toml"}
    renamed = rows_of(own.replace(name="own"), "compare")
    assert renamed["delay_budget_s"][2] == "given in own"
