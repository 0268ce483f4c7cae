import json
import math

import pytest

from edgegym import InputError, load_scenario
from edgegym.systems.two_stage.emulator_file import load_emulator

GOOGLENET_ON_DIGITS = load_scenario("digits").learning.model_dump() | {"network": "googlenet"}


def own(scenario="digits"):
    """Make an emulator that is none of the shipped ones."""
    return load_emulator(load_scenario(scenario)).model_copy(update={"guess_loss": 2.0})


def test_budgets_and_channels_need_no_other_emulator_and_learning_does():
    scenario = load_scenario("mnist")
    other = scenario.replace(delay_budget_s=10.0, channel_mode="per-round")
    assert load_emulator(other) == load_emulator(scenario)
    with pytest.raises(InputError, match=r"must have an emulator fitted .*; got scenario 'mnist'"):
        load_emulator(scenario.replace(learning_rate=0.02))
    with pytest.raises(InputError, match="Run `edgegym calibrate"):
        load_emulator(load_scenario("cinic10-cifar10"))


def test_a_file_of_ones_own_is_read_and_must_fit(tmp_path):
    file = tmp_path / "emulator.json"
    file.write_text(own("mnist").model_dump_json())
    assert load_emulator(load_scenario("mnist"), file) == own("mnist")
    with pytest.raises(InputError, match=r"emulator\.json' does not fit"):
        load_emulator(load_scenario("digits"), file)


def test_a_damaged_or_missing_file_is_named(tmp_path):
    file = tmp_path / "emulator.json"
    with pytest.raises(InputError, match=r"emulator file must be readable; got .*emulator\.json"):
        load_emulator(load_scenario("digits"), file)
    data = json.loads(own().model_dump_json()) | {"relaxatoin": 1}
    file.write_text(json.dumps(data))
    with pytest.raises(InputError, match="Did you mean 'relaxation'"):
        load_emulator(load_scenario("digits"), file)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"guess_loss": math.nan}, "guess_loss must be a finite number; got nan"),
        ({"transfer": math.inf}, "transfer must be a finite number; got inf"),
        ({"relaxation": 1.5}, "relaxation must be less than or equal to 1; got 1.5"),
        ({"noise": [3.0, math.nan, *[3.0] * 4]}, "noise.1 must be a finite number; got nan"),
        ({"shift": [0.0] * 5}, r"shift must have at least 6 items .*; got \["),
        ({"accuracies": [1.0]}, "accuracies must hold one for each of the .*; got 1"),
        ({"accuracies": [], "accuracy_losses": []}, "accuracies must hold one .*; got 0"),
        (
            {"learning": GOOGLENET_ON_DIGITS},
            "learning.network must be lenet or row-transformer or .* for digits, .*; got g",
        ),
    ],
)
def test_a_number_that_no_fit_gives_is_named(tmp_path, change, rule):
    file = tmp_path / "emulator.json"
    data = json.loads(own().model_dump_json())
    file.write_text(
        json.dumps(data | change | {"learning": data["learning"] | change.get("learning", {})})
    )
    with pytest.raises(InputError, match=rf"{rule}.*\. Correct it in .*emulator\.json"):
        load_emulator(load_scenario("digits"), file)


def test_a_byte_order_mark_is_no_part_of_an_emulator(tmp_path):
    file = tmp_path / "emulator.json"
    file.write_text(own().model_dump_json(), encoding="utf-8-sig")
    assert load_emulator(load_scenario("digits"), file) == own()
