import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from edgegym.bench.gpu import count_waits
from edgegym.errors import InputError
from edgegym.learning import datasets
from edgegym.learning.centralized import expected_loss
from edgegym.learning.datasets import TaskData
from edgegym.learning.learner import Learner
from edgegym.learning.lenet_rounds import LeNetRounds
from edgegym.learning.making import make_network
from edgegym.learning.minibatches import draw_round
from edgegym.learning.sources import RawData
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.scenario.catalogue import COLOUR
from edgegym.systems.load import load_scenario

SEED = 5
DIGITS = load_scenario("digits")
SIZES = np.array([3, 17, 70])
IN_BFLOAT16 = DIGITS.replace(**{"learning.precision": "bfloat16"})
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.fixture
def make_learner():
    def make(seed=SEED):
        return Learner(DIGITS, seed, device="cpu")

    return make


@pytest.fixture
def googlenet_learner(make_samples, monkeypatch):
    shape = COLOUR.shape
    sets = {
        "cinic10": RawData(make_samples(8, shape=shape), None, COLOUR),
        "cifar10": RawData(make_samples(14, shape=shape), make_samples(4, shape=shape), COLOUR),
    }
    monkeypatch.setattr(datasets, "load_raw", lambda name, data_dir: sets[name])
    counts = {"n_server_samples": 8, "n_device_samples": 12}
    counts |= {"n_validation_samples": 2, "n_test_samples": 4}
    changes = {f"learning.{key}": value for key, value in counts.items()}
    return Learner(load_scenario("cinic10-cifar10").replace(**changes), SEED, device="cpu")


@pytest.fixture
def colour_data(make_samples):
    parts = [make_samples(16, shape=(3, 32, 32), seed=seed) for seed in range(6)]
    return TaskData.of(parts[0], parts[1:4], *parts[4:])


@pytest.fixture
def batches(monkeypatch):
    """Record the mini-batches that the learner trains on, and train on none."""
    seen = []

    def record(data, *args):
        parts = draw_round(data, *args)
        seen.extend(data.pool.take(torch.from_numpy(part)) for part in parts)
        return parts

    monkeypatch.setattr("edgegym.learning.learner.draw_round", record)
    monkeypatch.setattr(LeNetRounds, "sgd_round", lambda *args: 0.0)
    return seen


def train(learner, rounds=3):
    losses = [learner.pretrain(m, 8) for m in range(rounds)]
    return losses + [learner.finetune(n, SIZES) for n in range(rounds)]


def draw_by_hand(samples, size, stream, round_index, device=0):
    index = keyed_generator(SEED, stream, round_index, device).integers(len(samples), size=size)
    return samples.take(torch.from_numpy(index))


def step_by_hand(network, batches):
    total = sum(len(batch) for batch in batches)
    loss = sum(
        len(batch) / total * cross_entropy(network(batch.images), batch.labels) for batch in batches
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=DIGITS.learning_rate)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def weights_of(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def same_samples(first, second):
    return torch.equal(first.images, second.images) and torch.equal(first.labels, second.labels)


def test_a_learner_refuses_a_missing_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no GPU"):
        Learner(DIGITS, SEED, device="cuda")


def test_the_same_seed_gives_the_same_weights_bit_for_bit(make_learner):
    first, again = make_learner(), make_learner()
    assert train(first) == train(again)
    assert torch.equal(weights_of(first.network), weights_of(again.network))


def test_the_global_generators_do_not_matter_and_are_left_alone(make_learner):
    first, again = make_learner(), make_learner()
    train(first)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    train(again)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert torch.equal(weights_of(first.network), weights_of(again.network))


def test_another_seed_gives_other_initial_weights_and_batches(make_learner, batches):
    first, other = make_learner(1), make_learner(2)
    train(first, rounds=1)
    train(other, rounds=1)
    assert not torch.equal(weights_of(first.network), weights_of(other.network))
    for k in range(4):
        assert not same_samples(batches[k], batches[4 + k])


def test_a_larger_batch_begins_with_the_smaller_one(make_learner, batches):
    learner = make_learner()
    learner.pretrain(4, 5)
    learner.pretrain(4, 64)
    assert same_samples(batches[0], batches[1].split([5, 59])[0])


def test_every_devices_larger_batch_begins_with_the_smaller_one(make_learner, batches):
    learner = make_learner()
    learner.finetune(4, SIZES)
    learner.finetune(4, SIZES + 30)
    for small, large in zip(batches[:3], batches[3:], strict=True):
        assert same_samples(small, large.split([len(small), 30])[0])


def test_a_skipped_round_leaves_the_batches_of_the_next_alike(make_learner, batches):
    whole, gapped = make_learner(), make_learner()
    for m in (0, 1, 2):
        whole.pretrain(m, 8)
        whole.finetune(m, SIZES)
    gapped.finetune(2, SIZES)
    gapped.pretrain(2, 8)
    *devices, server = batches[-4:]
    for drawn, expected in zip([server, *devices], batches[8:12], strict=True):
        assert same_samples(drawn, expected)


def test_rounds_and_devices_draw_different_samples(make_learner, batches):
    learner = make_learner()
    server = learner.data.server
    learner.data = TaskData.of(server, [server] * 3, learner.data.validation, learner.data.test)
    for n in range(2):
        learner.pretrain(n, 8)
        learner.finetune(n, np.array([8, 8, 8]))
    assert len({batch.labels.numpy().tobytes() for batch in batches}) == 8
    assert len({batch.images.numpy().tobytes() for batch in batches}) == 8


def test_every_device_trains_on_its_own_samples(make_learner, batches):
    learner = make_learner()
    learner.finetune(0, SIZES)
    for k, batch in enumerate(batches):
        expected = draw_by_hand(learner.data.devices[k], SIZES[k], Stream.FINETUNE_BATCH, 0, k)
        assert same_samples(batch, expected)


def test_a_batch_size_is_needed_for_every_device(make_learner):
    with pytest.raises(ValueError):
        make_learner().finetune(0, np.array([3, 17]))


def test_the_learner_walks_the_path_of_a_plain_pytorch_loop(make_learner):
    learner, network = make_learner(), make_network("lenet", SEED)
    data = learner.data
    for m in range(20):
        batch = draw_by_hand(data.server, 96, Stream.PRETRAIN_BATCH, m)
        assert learner.pretrain(m, 96) == pytest.approx(step_by_hand(network, [batch]), abs=1e-5)
    for n in range(20):
        shares = zip(data.devices, SIZES, range(3), strict=True)
        batches = [draw_by_hand(*share, Stream.FINETUNE_BATCH, n, k) for *share, k in shares]
        assert learner.finetune(n, SIZES) == pytest.approx(step_by_hand(network, batches), abs=1e-5)
    assert_close(weights_of(learner.network), weights_of(network), rtol=0.0, atol=1e-5)


def test_training_lowers_the_loss(make_learner):
    learner = make_learner()
    before = learner.validation()[0]
    for m in range(100):
        learner.pretrain(m, 16)
    assert learner.validation()[0] < before


def test_the_report_holds_what_each_part_says(make_learner):
    learner = make_learner()
    train(learner)
    losses = [expected_loss(learner.network, part, 1000)[0] for part in learner.data.devices]
    test_loss, test_accuracy = expected_loss(learner.network, learner.data.test, 1000)
    report = learner.report()
    assert report["train_loss"] == pytest.approx(sum(losses) / 3, rel=1e-6)
    assert report["test_loss"] == pytest.approx(test_loss, rel=1e-6)
    assert report["test_accuracy"] == test_accuracy
    assert report["n_samples"] == [len(part) for part in learner.data.devices]
    assert report["worst_device_accuracy"] == min(report["test_accuracy_of_device"])


def test_validation_measures_the_validation_samples(make_learner):
    learner = make_learner()
    loss, accuracy = expected_loss(learner.network, learner.data.validation, 1000)
    assert learner.validation() == (pytest.approx(loss, rel=1e-6), accuracy)


def test_measuring_does_not_change_what_is_trained(make_learner):
    plain, measured = make_learner(), make_learner()
    for m in range(3):
        plain.pretrain(m, 8)
        plain.finetune(m, SIZES)
        measured.pretrain(m, 8)
        measured.report()
        measured.finetune(m, SIZES)
        measured.validation()
    assert torch.equal(weights_of(plain.network), weights_of(measured.network))


def test_googlenet_trains_in_both_stages(googlenet_learner):
    states = [copy.deepcopy(googlenet_learner.network.state_dict())]
    losses = [googlenet_learner.pretrain(0, 2)]
    states.append(copy.deepcopy(googlenet_learner.network.state_dict()))
    losses.append(googlenet_learner.finetune(0, np.array([2, 1, 2])))
    states.append(googlenet_learner.network.state_dict())
    assert np.isfinite(losses).all()
    assert all(torch.isfinite(value).all() for value in states[2].values())
    for key in ("0.0.weight", "0.1.running_mean", "14.weight"):
        assert not torch.equal(states[0][key], states[1][key])
        assert not torch.equal(states[1][key], states[2][key])


def test_googlenet_averages_the_statistics_of_its_devices_whole_batches(
    googlenet_learner, monkeypatch
):
    monkeypatch.setattr("edgegym.learning.learner.CPU_CHUNK", 1)
    convolution, normalisation, _ = googlenet_learner.network[0]
    expected = 0.9 * normalisation.running_var
    for k, size in enumerate((1, 1, 2)):
        samples = googlenet_learner.data.devices[k]
        batch = draw_by_hand(samples, size, Stream.FINETUNE_BATCH, 0, k)
        variance = convolution(batch.images).var(dim=(0, 2, 3)).detach()
        expected = expected + 0.1 * size / 4 * variance
    googlenet_learner.finetune(0, np.array([1, 1, 2]))
    assert_close(normalisation.running_var, expected)


def test_a_report_leaves_googlenet_and_its_batch_statistics_alone(googlenet_learner):
    before = copy.deepcopy(googlenet_learner.network.state_dict())
    report = googlenet_learner.report()
    assert set(report) >= {"train_loss", "test_loss", "test_accuracy"}
    assert_close(googlenet_learner.network.state_dict(), before, rtol=0.0, atol=0.0)


def test_a_state_that_is_loaded_again_and_again_brings_the_same_rounds_bit_for_bit(make_learner):
    learner, other = make_learner(), make_learner(seed=SEED + 1)
    train(learner, rounds=1)
    state = learner.snapshot()
    first = learner.pretrain(1, 8), learner.finetune(1, SIZES), learner.validation()
    train(learner)
    for each in (learner, other, learner):
        each.restore(state)
        assert (each.pretrain(1, 8), each.finetune(1, SIZES), each.validation()) == first


def test_a_state_of_googlenet_holds_its_running_statistics(googlenet_learner):
    state = googlenet_learner.snapshot()
    before = copy.deepcopy(state.weights)
    googlenet_learner.pretrain(0, 2)
    assert_close(state.weights, before, rtol=0.0, atol=0.0)
    googlenet_learner.restore(state)
    assert_close(googlenet_learner.network.state_dict(), before, rtol=0.0, atol=0.0)


def test_a_learner_takes_data_that_no_scenario_names(colour_data):
    learner = Learner(load_scenario("cinic10-cifar10"), SEED, device="cpu", data=colour_data)
    expected = draw_by_hand(colour_data.server, 2, Stream.PRETRAIN_BATCH, 0)
    loss = cross_entropy(make_network("googlenet", SEED)(expected.images), expected.labels)
    assert learner.pretrain(0, 2) == pytest.approx(loss.item(), rel=1e-5)


def test_bfloat16_trains_alike_and_keeps_weights_in_float32(make_learner):
    plain, short = make_learner(), Learner(IN_BFLOAT16, SEED, device="cpu")
    losses, others = (train(learner, rounds=100) for learner in (plain, short))
    assert others != losses
    assert others == pytest.approx(losses, rel=0.05)
    assert short.validation()[0] == pytest.approx(plain.validation()[0], rel=0.01)
    assert {value.dtype for value in short.snapshot().weights.values()} == {torch.float32}


@needs_gpu
@pytest.mark.parametrize("scenario", [DIGITS, IN_BFLOAT16], ids=["float32", "bfloat16"])
def test_a_round_waits_for_the_gpu_for_its_loss_alone(scenario):
    learner = Learner(scenario, SEED, device="cuda")
    train(learner)  # what is done once only
    learner.pretrain(8, 32), learner.finetune(8, SIZES)
    assert count_waits(lambda: learner.pretrain(9, 32)) == 1
    assert count_waits(lambda: learner.finetune(9, SIZES)) == 1
    assert count_waits(learner.validation) == 1


@needs_gpu
def test_googlenets_rounds_wait_for_the_gpu_for_their_loss_alone(colour_data):
    learner = Learner(load_scenario("cinic10-cifar10"), SEED, device="cuda", data=colour_data)
    sizes = np.array([2, 3, 4])
    learner.pretrain(0, 4), learner.finetune(0, sizes)
    assert count_waits(lambda: learner.pretrain(1, 4)) == 1
    assert count_waits(lambda: learner.finetune(1, sizes)) == 1


@needs_gpu
def test_a_gpu_walks_the_path_of_a_cpu(make_learner):
    theirs, ours = make_learner(), Learner(DIGITS, SEED, device="cuda")
    assert train(ours, rounds=20) == pytest.approx(train(theirs, rounds=20), rel=1e-2)


@needs_gpu
def test_googlenet_lies_channels_last_on_a_gpu_and_all_data_with_it(colour_data):
    learner = Learner(load_scenario("cinic10-cifar10"), SEED, device="cuda", data=colour_data)
    weights = [p for p in learner.network.parameters() if p.dim() == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
    assert all(part.images.is_cuda for part in (learner.data.server, *learner.data.devices))
    alone = Learner(load_scenario("cinic10-cifar10"), SEED, device="cpu", data=colour_data)
    assert learner.pretrain(0, 8) == pytest.approx(alone.pretrain(0, 8), rel=1e-2)


def test_a_lenet_of_which_a_part_is_frozen_is_left_to_autograd(make_learner):
    network = make_network("lenet", SEED)
    network[0].requires_grad_(False)
    learner = Learner(DIGITS, SEED, device="cpu", data=make_learner().data, network=network)
    learner.pretrain(0, 8)
    assert torch.equal(learner.network[0].weight, network[0].weight)
    assert not torch.equal(learner.network[3].weight, network[3].weight)
