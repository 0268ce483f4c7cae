import tomllib

import pytest
import torch

from baselines import plan
from edgegym import InputError, evaluate
from edgegym.learning.centralized import Samples
from edgegym.learning.sources import RawData
from edgegym.scenario.profiles import DEVICES
from edgegym.studies.scenario_lines import Radio, share_counts
from edgegym.studies.two_stage.new_scenario import new_scenario
from edgegym.systems.two_stage.scenario import Scenario


def make(**changes):
    arguments = {
        "network": "row-transformer",
        "pretrain_dataset": "digits-8x8",
        "finetune_dataset": "digits-8x8",
        "profile": "single-board",
        "radio": Radio("urban-micro", 1e6, 3.5e9, (60.0, 100.0)),
        "learning_rate": 0.1,
        "data_dir": None,
    }
    return new_scenario("mine", **arguments | changes)


@pytest.fixture(scope="module")
def text():
    return make()


@pytest.fixture(scope="module")
def scenario(text):
    return Scenario.parse(tomllib.loads(text), where="the text")


def test_every_value_carries_its_source(text):
    values = [
        line for line in text.splitlines() if "=" in line and not line.startswith(("#", "name"))
    ]
    assert len(values) > 40
    assert all(line.split("  # ")[1].strip() for line in values)


def test_what_can_be_measured_is(scenario, text):
    assert scenario.update_size_bits == 32 * 26_346
    assert scenario.flop_per_sample == pytest.approx(1.19e6, rel=0.01)
    assert 2.3 < scenario.initial_loss_gap < 2.6
    assert "26,346 parameters" in text


@pytest.mark.parametrize("profile", DEVICES)
def test_both_budgets_bind_for_the_best_plan(profile):
    scenario = Scenario.parse(tomllib.loads(make(profile=profile)), where="the text")
    outcome = evaluate(plan(scenario).plan, scenario)
    assert 0.95 < outcome.total_delay_s / scenario.delay_budget_s <= 1
    assert 0.9 < outcome.total_energy_j / scenario.energy_budget_j <= 1


def held(n):
    return Samples(torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64))


@pytest.mark.parametrize("n", [20, 101, 1797, 60_000])
@pytest.mark.parametrize("n_devices", [1, 3, 7])
@pytest.mark.parametrize("own", [None, 50])
def test_no_more_is_shared_out_than_there_is_and_every_device_gets_alike(n, n_devices, own):
    raws = {"a": RawData(held(n), held(own) if own else None), "b": RawData(held(n), None)}
    for target in ("a", "b"):
        counts = share_counts(raws, "a", target, n_devices)
        assert counts["n_device_samples"] % n_devices == 0
        of_target = ["n_device_samples", "n_validation_samples"]
        of_target += ["n_server_samples"] if target == "a" else []
        of_target += [] if target == "a" and own else ["n_test_samples"]
        assert sum(counts[key] for key in of_target) <= n


def test_a_network_that_does_not_take_the_data_is_refused():
    with pytest.raises(InputError, match=r"learning\.network must be row-transformer.* for digits"):
        make(network="googlenet")
