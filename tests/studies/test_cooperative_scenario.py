import tomllib

import pytest

from baselines import plan
from edgegym import InputError, load_scenario
from edgegym.studies.cooperative_scenario import new_scenario
from edgegym.studies.scenario_lines import Radio
from edgegym.systems.cooperative.scenario import CooperativeScenario


def make(n_devices=7, **changes):
    arguments = {
        "network": "row-transformer-6",
        "pretrain_dataset": "digits-8x8",
        "finetune_dataset": "digits-8x8",
        "profile": "microcontroller",
        "radio": Radio("urban-micro", 1e6, 3.5e9, (60.0, *[100.0] * (n_devices - 1))),
        "learning_rate": 0.1,
        "data_dir": None,
    }
    return new_scenario("mine", **arguments | changes)


@pytest.fixture(scope="module")
def text():
    return make()


@pytest.fixture(scope="module")
def scenario(text):
    data = tomllib.loads(text)
    assert data.pop("system") == "cooperative"
    return CooperativeScenario.parse(data, where="the text")


def test_every_value_carries_its_source(text):
    values = [
        line for line in text.splitlines() if "=" in line and not line.startswith(("#", "name"))
    ]
    assert len(values) > 35
    assert all(line.split("  # ")[1].strip() for line in values)
    assert "DEFT-style" in text


def test_the_costs_by_depth_are_those_of_the_default_scenario(scenario):
    default = load_scenario("cooperative-digits")
    for key in ("backward_flop_per_sample", "activation_bytes_per_sample"):
        assert getattr(scenario, key) == pytest.approx(getattr(default, key), rel=1e-3)
    assert scenario.forward_flop_per_sample == pytest.approx(1184384, rel=1e-3)
    assert scenario.update_size_bits == pytest.approx(423936, rel=1e-3)


def test_the_budget_lets_the_joint_plan_run_its_rounds(scenario):
    best = plan(scenario)
    assert 140 <= scenario.delay_budget_s / best.value <= 160
    assert scenario.uplink_gain[0] > scenario.uplink_gain[1]


def test_devices_that_cannot_hold_the_blocks_are_refused():
    with pytest.raises(InputError, match="n_devices must be at least 6, one for each block; got 3"):
        make(n_devices=3)


def test_a_network_without_blocks_is_refused():
    with pytest.raises(InputError, match=r"learning\.network must keep its layers in a torch"):
        make(network="lenet", pretrain_dataset="digits", finetune_dataset="digits")
