import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector
from torch.testing import assert_close

from edgegym import InputError, load_scenario
from edgegym.learning import partitioned
from edgegym.learning.centralized import Samples, sgd_round
from edgegym.learning.partitioned import (
    PartitionedData,
    PartitionedLearner,
    load_partitioned_data,
    softmax_regression,
)
from edgegym.learning.sources import RawData

DEFAULT = load_scenario("partitioned-digits")
#: Every worker uses all that it holds.
ALL = DEFAULT.replace(worker_batch_size=10_000)
BLOCKS = np.array([546, 1615, 1009, 3694, 986])


@pytest.fixture(autouse=True)
def _fresh_partitioned_data():
    load_partitioned_data.cache_clear()
    yield
    load_partitioned_data.cache_clear()


@pytest.fixture
def random_data(make_samples):
    parts = [make_samples(12 + k, seed=k) for k in range(12)]
    return PartitionedData(tuple(parts[:10]), *parts[10:])


def vector(learner):
    return parameters_to_vector(learner.network.parameters()).detach().clone()


def test_with_equal_data_a_round_is_the_ordinary_gradient_step(make_samples):
    pair = [make_samples(20, seed=1), make_samples(30, seed=2)]
    data = PartitionedData(tuple(pair * 5), make_samples(5), make_samples(5))
    learner = PartitionedLearner(ALL, seed=3, device="cpu", data=data)
    ordinary = softmax_regression("digits", seed=3)
    union = Samples(*(torch.cat([getattr(p, key) for p in pair]) for key in ("images", "labels")))
    for round_index in range(3):
        loss = learner.train(round_index, BLOCKS)
        assert loss == pytest.approx(sgd_round(ordinary, union, ALL.learning_rate), rel=1e-6)
    assert_close(vector(learner), parameters_to_vector(ordinary.parameters()), rtol=1e-6, atol=1e-7)


def test_each_group_moves_its_block_along_its_own_gradient(random_data):
    learner = PartitionedLearner(ALL, seed=4, device="cpu", data=random_data)
    before = vector(learner)
    learner.train(0, BLOCKS)
    after, start = vector(learner), 0
    for group, size in enumerate(BLOCKS):
        alone = softmax_regression("digits", seed=4)
        held = random_data.workers[2 * group : 2 * group + 2]
        union = Samples(torch.cat([p.images for p in held]), torch.cat([p.labels for p in held]))
        sgd_round(alone, union, ALL.learning_rate)
        block = slice(start, start + size)
        expected = parameters_to_vector(alone.parameters())[block]
        assert_close(after[block], expected, rtol=1e-6, atol=1e-7)
        assert not torch.equal(after[block], before[block])
        start += size


def test_a_group_without_a_block_takes_no_part(random_data):
    learner = PartitionedLearner(ALL, seed=5, device="cpu", data=random_data)
    first = learner.train(0, np.array([7850, 0, 0, 0, 0]))
    alone = softmax_regression("digits", seed=5)
    held = random_data.workers[:2]
    union = Samples(torch.cat([p.images for p in held]), torch.cat([p.labels for p in held]))
    assert first == pytest.approx(sgd_round(alone, union, ALL.learning_rate), rel=1e-6)
    assert_close(vector(learner), parameters_to_vector(alone.parameters()), rtol=1e-6, atol=1e-7)


def test_a_seed_says_everything_and_another_seed_something_else():
    def trained(seed, blocks=BLOCKS):
        learner = PartitionedLearner(DEFAULT, seed, device="cpu")
        losses = [learner.train(round_index, blocks) for round_index in range(3)]
        return losses, vector(learner)

    (losses, end), (again, same), (others, _) = trained(1), trained(1), trained(2)
    assert losses == again and torch.equal(end, same) and losses != others
    # Another partition meets the same mini-batches and the same model at first.
    assert trained(1, BLOCKS[::-1].copy())[0][0] == losses[0]


def test_a_snapshot_is_gone_on_from_more_than_once():
    learner = PartitionedLearner(DEFAULT, 6, device="cpu")
    learner.train(0, BLOCKS)
    snapshot = learner.snapshot()
    ends = []
    for _ in range(2):
        learner.restore(snapshot)
        learner.train(1, BLOCKS)
        learner.train(2, BLOCKS)
        ends.append(vector(learner))
    assert torch.equal(*ends)


def test_digits_are_learnt():
    fast = DEFAULT.replace(learning_rate=0.02)
    learner = PartitionedLearner(fast, 0, device="cpu")
    loss, accuracy = learner.validation()
    for round_index in range(60):
        learner.train(round_index, BLOCKS)
    later, right = learner.validation()
    assert accuracy < 0.4 and right > 0.85 and later < loss / 3
    report = learner.report()
    assert report.keys() == {"train_loss", "test_loss", "test_accuracy"}
    assert report["test_accuracy"] > 0.85


def test_the_parts_of_a_data_set_are_disjoint_and_of_the_asked_sizes(tmp_path):
    data = load_partitioned_data(DEFAULT.learning, 10, tmp_path, torch.device("cpu"))
    parts = [*data.workers, data.validation, data.test]
    assert [len(part) for part in parts] == [120] * 10 + [237, 360]
    images = torch.cat([part.images for part in parts]).flatten(1)
    held = {image.numpy().tobytes() for image in images}
    assert len(held) >= len(images) - 5  # the set itself holds a few twice


def test_mnist_is_tested_on_its_own_test_set(make_samples, monkeypatch, tmp_path):
    raw = RawData(make_samples(60_000 // 100, seed=0), make_samples(50, seed=1))
    monkeypatch.setattr(partitioned, "load_raw", lambda name, data_dir: raw)
    task = {"dataset": "mnist", "n_worker_samples": 500, "n_validation_samples": 100}
    task |= {"n_test_samples": 50, "validation_interval": 5}
    scenario = DEFAULT.replace(learning=task)
    learner = PartitionedLearner(scenario, 0, device="cpu", data_dir=tmp_path)
    assert len(learner.data.test) == 50
    got = learner.data.test.labels.sort().values
    assert torch.equal(got, raw.test.labels.sort().values)


def test_without_a_learning_task_there_is_nothing_to_train():
    with pytest.raises(InputError, match=r"learning must be given in scenario .* Add a \[learning"):
        PartitionedLearner(DEFAULT.replace(learning=None), 0)
