import pytest

from edgegym import InputError, load_scenario
from edgegym.scenario.catalogue import DATASETS, NETWORKS

FEW = {f"learning.n_{part}_samples": 3 for part in ("server", "device", "validation", "test")}


def changed(**changes):
    return load_scenario("digits").replace(
        **FEW | {f"learning.{key}": value for key, value in changes.items()}
    )


@pytest.mark.parametrize("network", [name for name, one in NETWORKS.items() if one.shape])
@pytest.mark.parametrize("source", DATASETS)
@pytest.mark.parametrize("target", DATASETS)
def test_a_network_and_data_go_together_if_their_images_do(network, source, target):
    change = {"network": network, "pretrain_dataset": source, "finetune_dataset": target}
    taken, held, others = NETWORKS[network].shape, DATASETS[source].inputs, DATASETS[target].inputs
    if taken == held.shape == others.shape:
        assert changed(**change).learning.network == network
        return
    key = "network" if held == others else "finetune_dataset"
    with pytest.raises(
        InputError, match=rf"^learning\.{key} must .*; got .* Correct it in"
    ) as caught:
        changed(**change)
    assert str(held) in str(caught.value)
    words = "x".join(map(str, taken)) if held == others else str(others)
    assert words in str(caught.value).split("; got ")[1]


def test_a_network_of_other_images_is_answered_with_those_that_take_them():
    rule = (
        "learning.network must be lenet or row-transformer or row-transformer-4 or "
        "row-transformer-6 for digits, samples of 1x28x28 in 10 classes; got googlenet, which "
        "takes 3x32x32"
    )
    with pytest.raises(InputError, match=rule):
        load_scenario("digits").replace(**{"learning.network": "googlenet"})


@pytest.mark.parametrize("name", DATASETS)
def test_all_samples_of_a_data_set_may_be_used_and_not_one_more(name):
    inputs, n_samples, n_test_samples = DATASETS[name][2:5]
    network = next(key for key, known in NETWORKS.items() if known.shape in (None, inputs.shape))
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
