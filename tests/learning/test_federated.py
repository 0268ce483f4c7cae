import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from edgegym.learning.centralized import joined, sgd_round
from edgegym.learning.federated import aggregate, fedsgd_round
from edgegym.learning.making import make_network

LEARNING_RATE = 0.1
BATCH_SIZES = [3, 17, 40]


@pytest.fixture
def lenet():
    return make_network("lenet", seed=0)


@pytest.fixture
def batch_norm_network():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 3, 5, stride=4),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(3 * 6 * 6, 10),
        )


@pytest.fixture
def batches(make_samples):
    return [make_samples(size, seed=k) for k, size in enumerate(BATCH_SIZES)]


@pytest.fixture
def parts():
    rng = torch.Generator().manual_seed(0)
    return [[torch.randn(4, 2, generator=rng), torch.randn(3, generator=rng)] for _ in BATCH_SIZES]


def union_round(network, batches, learning_rate, chunk=None):
    return sgd_round(network, joined(batches), learning_rate, chunk)


def play(run_round, network, batches, chunk=None):
    twin = copy.deepcopy(network)
    loss = run_round(twin, batches, LEARNING_RATE, chunk)
    return twin.state_dict(), loss


def run_each_device(network, batches):
    copies = [copy.deepcopy(network) for _ in batches]
    for device, batch in zip(copies, batches, strict=True):
        cross_entropy(device(batch.images), batch.labels).backward()
    return copies


def weighted_mean(values):
    shares = torch.tensor(BATCH_SIZES) / sum(BATCH_SIZES)
    return sum(share * value for share, value in zip(shares, values, strict=True))


def test_devices_weigh_as_much_as_their_batches(parts):
    expected = [weighted_mean(values) for values in zip(*parts, strict=True)]
    assert_close(aggregate(parts, BATCH_SIZES), expected)


def test_what_all_devices_agree_on_is_their_average(parts):
    assert_close(aggregate(parts[:1] * 3, BATCH_SIZES), parts[0])


def test_averaging_leaves_alone_what_the_devices_sent(parts):
    before = copy.deepcopy(parts)
    aggregate(parts, BATCH_SIZES)
    assert_close(parts, before, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("chunk", [None, 16])
def test_device_by_device_and_over_the_union_are_the_same_round(lenet, batches, chunk):
    state, loss = play(fedsgd_round, lenet, batches, chunk)
    union_state, union_loss = play(union_round, lenet, batches, chunk)
    assert loss == pytest.approx(union_loss, rel=1e-6)
    assert_close(state, union_state, rtol=0.0, atol=5e-7)


@pytest.mark.parametrize("run_round", [fedsgd_round, union_round])
def test_a_round_on_one_device_is_one_round_of_sgd(lenet, make_samples, run_round):
    batch = make_samples(9)
    state, loss = play(run_round, lenet, [batch])
    expected = cross_entropy(lenet(batch.images), batch.labels)
    expected.backward()
    torch.optim.SGD(lenet.parameters(), lr=LEARNING_RATE).step()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    assert_close(state, lenet.state_dict(), rtol=0.0, atol=5e-7)


@pytest.mark.parametrize("run_round", [fedsgd_round, union_round])
def test_relabelling_the_devices_changes_nothing(lenet, batches, run_round):
    state, loss = play(run_round, lenet, batches)
    other_state, other_loss = play(run_round, lenet, [batches[k] for k in (2, 0, 1)])
    assert loss == pytest.approx(other_loss, rel=1e-6)
    assert_close(state, other_state, rtol=0.0, atol=5e-7)


def test_relabelling_the_devices_keeps_the_batch_statistics(batch_norm_network, batches):
    state, loss = play(fedsgd_round, batch_norm_network, batches)
    relabelled = [batches[k] for k in (1, 2, 0)]
    other_state, other_loss = play(fedsgd_round, batch_norm_network, relabelled)
    assert loss == pytest.approx(other_loss, rel=1e-6)
    assert_close(state, other_state, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("buffer", ["1.running_mean", "1.running_var"])
def test_running_statistics_are_averaged_over_the_devices(batch_norm_network, batches, buffer):
    ends = run_each_device(batch_norm_network, batches)
    state, _ = play(fedsgd_round, batch_norm_network, batches)
    assert_close(state[buffer], weighted_mean([end.get_buffer(buffer) for end in ends]))


def test_each_device_normalises_with_its_own_batch(batch_norm_network, batches):
    devices = run_each_device(batch_norm_network, batches)
    state, _ = play(fedsgd_round, batch_norm_network, batches)
    for name, parameter in batch_norm_network.named_parameters():
        gradient = weighted_mean([device.get_parameter(name).grad for device in devices])
        expected = parameter.detach() - LEARNING_RATE * gradient
        assert_close(state[name], expected, rtol=0.0, atol=5e-7)


def test_over_the_union_batch_statistics_give_another_gradient(batch_norm_network, batches):
    state, _ = play(fedsgd_round, batch_norm_network, batches)
    union_state, _ = play(union_round, batch_norm_network, batches)
    assert (state["0.weight"] - union_state["0.weight"]).abs().max() > 1e-5
