import copy

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from edgegym.learning import patches
from edgegym.learning.centralized import expected_loss, sgd_round
from edgegym.learning.lenet_rounds import CHUNK, LeNetRounds
from edgegym.learning.making import make_network

SIZES = [1, 2, 7, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]


@pytest.fixture
def lenet():
    return make_network("lenet", seed=0)


@pytest.fixture
def pool(make_samples):
    """Samples whose windows hold equal outputs: half of each image is a constant background."""
    samples = make_samples(80)
    samples.images[:, :, :14] = -0.4242
    return samples


def places(n, seed=0):
    return torch.randint(80, (n,), generator=torch.Generator().manual_seed(seed))


def in_float64(network, samples):
    return copy.deepcopy(network).double(), type(samples)(samples.images.double(), samples.labels)


def by_autograd(network, samples, index):
    """Give loss and gradient on the slow, obvious way."""
    batch = samples.take(index)
    loss = cross_entropy(network(batch.images), batch.labels)
    gradient = torch.autograd.grad(loss, list(network.parameters()))
    return loss.detach(), [part.detach() for part in gradient]


def by_hand(network, samples, index):
    """Give loss and gradient, which is written to the weights to be seen as parameters are."""
    seen = copy.deepcopy(network)
    rounds = LeNetRounds(seen)
    with torch.inference_mode():
        loss = rounds.sum_gradient(samples, index) / len(index)
        rounds.weights.copy_(rounds.gradient / len(index))
    return loss, [parameter.detach() for parameter in seen.parameters()]


def vector(parts):
    return torch.cat([part.detach().flatten() for part in parts])


@pytest.mark.parametrize("size", SIZES)
def test_in_float64_the_gradient_is_that_of_autograd(lenet, pool, size):
    exact, index = in_float64(lenet, pool), places(size)
    loss, gradient = by_hand(*exact, index)
    expected_loss, expected = by_autograd(*exact, index)
    assert_close(loss, expected_loss, rtol=1e-12, atol=0.0)
    assert_close(gradient, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("has_onednn", [patches.HAS_ONEDNN, False])
@pytest.mark.parametrize("size", [8, 64, 256])
def test_in_float32_it_errs_no_more_than_autograd(monkeypatch, lenet, pool, size, has_onednn):
    monkeypatch.setattr(patches, "HAS_ONEDNN", has_onednn)
    index = places(size)
    _, true = by_autograd(*in_float64(lenet, pool), index)
    errors = [
        (vector(gradient).double() - vector(true)).norm() / vector(true).norm()
        for _, gradient in (by_hand(lenet, pool, index), by_autograd(lenet, pool, index))
    ]
    assert errors[0] < 2 * errors[1] < 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_rounds_walk_the_path_of_autograds(lenet, pool, size):
    rounds, reference = LeNetRounds(lenet), make_network("lenet", seed=0)
    for seed in range(3):
        index = places(size, seed)
        expected = sgd_round(reference, pool.take(index), 0.1)
        assert rounds.sgd_round(pool, index, 0.1) == pytest.approx(expected, rel=1e-5)
    ours, theirs = vector(lenet.parameters()), vector(reference.parameters())
    assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_the_networks_parameters_are_the_weights_that_are_trained(lenet, pool):
    before, rounds = copy.deepcopy(lenet.state_dict()), LeNetRounds(lenet)
    assert_close(lenet.state_dict(), before, rtol=0.0, atol=0.0)
    rounds.sgd_round(pool, places(9), 0.1)
    assert torch.equal(vector(lenet.parameters()).sort()[0], rounds.weights.sort()[0])
    assert lenet[0].weight.data_ptr() == rounds.weights.data_ptr()
    lenet.load_state_dict(before)
    expected = sgd_round(make_network("lenet", seed=0), pool.take(places(9)), 0.1)
    assert rounds.sgd_round(pool, places(9), 0.1) == pytest.approx(expected, rel=1e-5)


def test_batches_of_any_sizes_in_any_order_leave_nothing_behind(lenet, pool):
    ours, alone = LeNetRounds(lenet), make_network("lenet", seed=0)
    for size in (64, 3, 64, 1, 130, 3):
        loss = ours.sgd_round(pool, places(size), 0.05)
        # A round that has never met another size, from the same weights.
        assert LeNetRounds(alone).sgd_round(pool, places(size), 0.05) == loss
        assert torch.equal(vector(alone.parameters()), vector(lenet.parameters()))


@pytest.mark.parametrize("n", [1, 63, 64, 80])
def test_the_expected_loss_is_that_of_the_whole_set(lenet, pool, n):
    samples = pool.split(n)[0]
    loss, accuracy = expected_loss(lenet, samples, chunk=1000)
    assert LeNetRounds(lenet).expected_loss(samples) == (pytest.approx(loss, rel=1e-6), accuracy)


def test_looking_at_the_loss_changes_no_round(lenet, pool):
    plain, looked = LeNetRounds(lenet), LeNetRounds(make_network("lenet", seed=0))
    for seed in range(3):
        assert plain.sgd_round(pool, places(70, seed), 0.1) == looked.sgd_round(
            pool, places(70, seed), 0.1
        )
        looked.expected_loss(pool)
    assert torch.equal(plain.weights, looked.weights)


def test_a_network_that_diverges_ends_as_with_autograd(lenet, pool):
    rounds, reference = LeNetRounds(lenet), make_network("lenet", seed=0)
    for _ in range(6):
        loss = rounds.sgd_round(pool, places(20), 1e9)
        expected = sgd_round(reference, pool.take(places(20)), 1e9)
        assert (loss == loss) == (expected == expected)
    assert loss != loss
