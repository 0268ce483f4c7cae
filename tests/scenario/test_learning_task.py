from typing import get_args

import pytest

from edgegym import InputError, load_scenario
from edgegym.scenario.learning_task import (
    DATASETS,
    NETWORK_INPUTS,
    DatasetName,
    NetworkName,
)

FEW = {f"learning.n_{part}_samples": 3 for part in ("server", "device", "validation", "test")}


def changed(**changes):
    return load_scenario("digits").replace(
        **FEW | {f"learning.{key}": value for key, value in changes.items()}
    )


def test_the_tables_hold_every_name_that_a_scenario_may_have():
    assert set(get_args(NetworkName)) == NETWORK_INPUTS.keys()
    assert set(get_args(DatasetName)) == DATASETS.keys()


@pytest.mark.parametrize("network", NETWORK_INPUTS)
@pytest.mark.parametrize("source", DATASETS)
@pytest.mark.parametrize("target", DATASETS)
def test_a_network_and_data_go_together_if_their_images_do(network, source, target):
    change = {"network": network, "pretrain_dataset": source, "finetune_dataset": target}
    taken, held, others = NETWORK_INPUTS[network], DATASETS[source].images, DATASETS[target].images
    if taken == held == others:
        assert changed(**change).learning.network == network
        return
    key, got = ("network", taken) if held == others else ("finetune_dataset", others)
    with pytest.raises(
        InputError, match=rf"^learning\.{key} must .*; got .* Correct it in"
    ) as caught:
        changed(**change)
    assert str(held) in str(caught.value)
    assert str(got) in str(caught.value).split("; got ")[1]


def test_a_network_of_other_images_is_answered_with_those_that_take_them():
    rule = (
        "learning.network must be lenet for digits, 1x28x28 pixels in 10 classes; got googlenet, "
    )
    with pytest.raises(InputError, match=rule + "which takes 3x32x32 pixels in 10 classes"):
        load_scenario("digits").replace(**{"learning.network": "googlenet"})


@pytest.mark.parametrize("name", DATASETS)
def test_all_samples_of_a_data_set_may_be_used_and_not_one_more(name):
    images, n_samples, n_test_samples = DATASETS[name]
    network = next(name for name, taken in NETWORK_INPUTS.items() if taken == images)
    used = {"network": network, "pretrain_dataset": name, "finetune_dataset": name}
    left = n_samples - 6 if n_test_samples else n_samples - 9
    assert changed(**used, n_server_samples=left).learning.n_server_samples == left
    with pytest.raises(InputError, match=rf"at most {n_samples} together, all that {name} holds"):
        changed(**used, n_server_samples=left + 1)
    if n_test_samples:
        assert changed(**used, n_test_samples=n_test_samples)
        rule = rf"n_test_samples must be at most {n_test_samples}, all that {name} \(test\) holds"
        with pytest.raises(InputError, match=rule):
            changed(**used, n_test_samples=n_test_samples + 1)


def test_a_data_set_for_the_server_alone_is_the_servers_alone():
    assert changed(pretrain_dataset="mnist", n_server_samples=60_000)
    with pytest.raises(InputError, match=r"n_server_samples must be at most 60000, all that mnist"):
        changed(pretrain_dataset="mnist", n_server_samples=60_001)


def test_every_device_must_have_a_sample():
    assert changed(n_device_samples=3).n_devices == 3
    rule = "learning.n_device_samples must be at least one for each of 3 devices; got 2"
    with pytest.raises(InputError, match=rule):
        changed(n_device_samples=2)
    with pytest.raises(InputError, match=r"for each of 601 devices; got 600\. Correct it"):
        load_scenario("digits").replace(n_devices=601)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_rotation_must_be_finite(value):
    rule = "learning.finetune_rotation_deg must be a finite number; got"
    with pytest.raises(InputError, match=rule):
        changed(finetune_rotation_deg=value)


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ([1, 1], "must hold one count for each of the 3 devices in uplink_gain; got 2"),
        ([2, 1, 1], "must be at most 3 together, learning.n_device_samples; got 4"),
    ],
)
def test_counts_by_hand_are_one_for_each_device_and_not_too_many(counts, rule):
    assert changed(device_sample_counts=[1, 1, 1]).learning.device_sample_counts == (1, 1, 1)
    with pytest.raises(InputError, match=f"learning.device_sample_counts {rule}"):
        changed(device_sample_counts=counts)
    with pytest.raises(InputError, match=r"device_sample_counts\S* must be greater than .*; got 0"):
        changed(device_sample_counts=[1, 0, 1])


def test_counts_by_hand_and_by_chance_exclude_each_other():
    with pytest.raises(InputError, match=r"must stand without learning\.dirichlet"):
        changed(device_sample_counts=[1, 1, 1], dirichlet_concentration=1.0)
