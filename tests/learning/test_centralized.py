import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from edgegym.learning.centralized import (
    Samples,
    descend,
    expected_loss,
    minibatch_gradient,
    sgd_round,
)
from edgegym.learning.making import make_network


@pytest.fixture
def lenet():
    return make_network("lenet", seed=0)


@pytest.fixture
def batch_norm_network():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10))


def gradient_by_autograd(network, batch):
    loss = cross_entropy(network(batch.images), batch.labels)
    return loss.detach(), torch.autograd.grad(loss, list(network.parameters()))


def step_by_torch(network, gradient, learning_rate):
    twin = copy.deepcopy(network)
    for parameter, values in zip(twin.parameters(), gradient, strict=True):
        parameter.grad = values.clone()
    torch.optim.SGD(twin.parameters(), lr=learning_rate).step()
    return list(twin.parameters())


def test_an_index_that_repeats_takes_a_sample_again(make_samples):
    samples = make_samples(5)
    taken = samples.take(torch.tensor([4, 1, 4]))
    assert torch.equal(taken.images, samples.images[[4, 1, 4]])
    assert torch.equal(taken.labels, samples.labels[[4, 1, 4]])


def test_splitting_keeps_every_sample_in_order(make_samples):
    samples = make_samples(7)
    parts = samples.split(3)
    assert [len(part) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat([part.images for part in parts]), samples.images)
    assert torch.equal(torch.cat([part.labels for part in parts]), samples.labels)


def test_the_gradient_is_that_of_the_mean_cross_entropy(lenet, make_samples):
    batch = make_samples(12)
    loss, gradient = minibatch_gradient(lenet, batch)
    true_loss, true_gradient = gradient_by_autograd(lenet, batch)
    assert_close(loss, true_loss, rtol=1e-6, atol=0.0)
    assert_close(gradient, list(true_gradient), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("chunk", [1, 5, 12, 23, 100])
def test_cutting_a_batch_into_chunks_changes_nothing(lenet, make_samples, chunk):
    batch = make_samples(23)
    loss, gradient = minibatch_gradient(lenet, batch, chunk)
    whole_loss, whole_gradient = minibatch_gradient(lenet, batch)
    assert_close(loss, whole_loss, rtol=1e-6, atol=0.0)
    assert_close(gradient, whole_gradient, rtol=1e-5, atol=1e-7)


def test_computing_a_gradient_leaves_the_network_alone(lenet, make_samples):
    before = copy.deepcopy(lenet.state_dict())
    minibatch_gradient(lenet, make_samples(4))
    assert_close(lenet.state_dict(), before, rtol=0.0, atol=0.0)
    assert all(parameter.grad is None for parameter in lenet.parameters())


def test_a_descent_is_exactly_the_step_of_torch(lenet, make_samples):
    _, gradient = minibatch_gradient(lenet, make_samples(8))
    expected = step_by_torch(lenet, gradient, learning_rate=0.1)
    descend(list(lenet.parameters()), gradient, learning_rate=0.1)
    assert_close(list(lenet.parameters()), expected, rtol=0.0, atol=0.0)


def test_a_round_is_one_descent_and_returns_the_loss_before_it(lenet, make_samples):
    batch = make_samples(8)
    loss, gradient = minibatch_gradient(lenet, batch)
    expected = step_by_torch(lenet, gradient, learning_rate=0.1)
    assert sgd_round(lenet, batch, learning_rate=0.1) == loss.item()
    assert_close(list(lenet.parameters()), expected, rtol=0.0, atol=0.0)


def test_frozen_parameters_stay_as_they_are(lenet, make_samples):
    frozen, free = lenet[0].weight.requires_grad_(False), lenet[-1].weight
    before = frozen.clone(), free.detach().clone()
    sgd_round(lenet, make_samples(8), learning_rate=0.1)
    assert torch.equal(frozen, before[0])
    assert not torch.equal(free, before[1])


@pytest.mark.parametrize("chunk", [1, 7, 50, 1000])
def test_the_expected_loss_is_that_of_the_whole_set_whatever_the_chunk(lenet, make_samples, chunk):
    samples = make_samples(50)
    logits = lenet(samples.images).detach()
    loss, accuracy = expected_loss(lenet, samples, chunk)
    assert loss == pytest.approx(cross_entropy(logits, samples.labels).item(), rel=1e-6)
    assert accuracy == (logits.argmax(dim=1) == samples.labels).sum().item() / 50


def test_accuracy_is_the_share_classified_right():
    images = torch.tensor([[5.0, 0.0], [5.0, 0.0], [0.0, 5.0], [0.0, 5.0]])
    samples = Samples(images, torch.tensor([0, 1, 1, 1]))
    assert expected_loss(nn.Identity(), samples, chunk=3)[1] == 0.75


@pytest.mark.parametrize("training", [True, False])
def test_measuring_keeps_the_training_flag(lenet, make_samples, training):
    lenet.train(training)
    expected_loss(lenet, make_samples(4), chunk=2)
    assert [module.training for module in lenet.modules()] == [training] * 13


def test_measuring_keeps_the_batch_statistics(batch_norm_network, make_samples):
    before = copy.deepcopy(batch_norm_network.state_dict())
    expected_loss(batch_norm_network, make_samples(9), chunk=4)
    assert_close(batch_norm_network.state_dict(), before, rtol=0.0, atol=0.0)


def test_measuring_uses_the_running_batch_statistics(batch_norm_network, make_samples):
    samples = make_samples(9)
    losses = [expected_loss(batch_norm_network, samples, chunk)[0] for chunk in (1, 4, 9)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)
