import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector
from torch.testing import assert_close

from edgegym import InputError, load_scenario
from edgegym.learning import cooperative
from edgegym.learning.blocks import blocks_of
from edgegym.learning.centralized import joined, minibatch_gradient, sgd_round
from edgegym.learning.cooperative import CooperativeLearner
from edgegym.learning.datasets import TaskData
from edgegym.learning.minibatches import draw_index
from edgegym.learning.transformer import six_layers
from edgegym.physics.draws import Stream
from edgegym.systems.cooperative.decision import CooperativeDecision

DEFAULT = load_scenario("cooperative-digits").replace(
    **{"learning.n_pretrain_rounds": 2}, device_memory_bytes=1e9
)
MATCHING = np.array([6, 5, 9, 2, 7, 4])


def decide(matching=MATCHING, batch_size=16):
    return CooperativeDecision(matching, np.full(10, 0.1), batch_size)


def vector(learner):
    return parameters_to_vector(learner.network.parameters()).detach().clone()


@pytest.fixture
def tiny(make_samples):
    """Ten devices with a few images each, of a size that the network takes."""

    def held(n, seed):
        part = make_samples(n, seed=seed)
        return type(part)(part.images[..., :8, :8].clone(), part.labels)

    devices = [held(3 + k, k) for k in range(10)]
    return TaskData.of(held(20, 90), devices, held(6, 91), held(6, 92), n_classes=10)


def start(data=None, seed=3, **changes):
    return CooperativeLearner(DEFAULT.replace(**changes), seed, device="cpu", data=data)


def test_each_device_moves_its_block_along_the_gradient_of_its_own_samples(tiny, monkeypatch):
    monkeypatch.setattr(cooperative, "draw_index", lambda *key: np.arange(key[4]))
    learner, again = start(tiny), start(tiny)
    loss = learner.run_round(0, 0, decide())
    losses, sizes = [], []
    for block, device in enumerate(MATCHING):
        own = blocks_of(again.network)[block]
        before = [p.detach().clone() for p in own]
        one, gradient = minibatch_gradient(again.network, tiny.devices[device], None, own)
        losses.append(one.item())
        sizes.append(16)
        moved = learner.blocks[block]
        for p, old, slope in zip(moved, before, gradient, strict=True):
            assert_close(p.detach(), old - DEFAULT.learning_rate * slope)
            assert not torch.equal(p, old) or not slope.any()
    assert loss == pytest.approx(np.average(losses, weights=sizes), rel=1e-6)


def test_one_device_alone_takes_the_ordinary_step(tiny):
    learner, ordinary = start(tiny), start(tiny)
    learner.run_round(0, 0, decide(np.full(6, 4)))
    drawn = draw_index(3, Stream.FINETUNE_BATCH, 0, 4, len(tiny.devices[4]), 16)
    batch = tiny.devices[4].take(torch.from_numpy(drawn))
    sgd_round(ordinary.network, batch, DEFAULT.learning_rate)
    assert_close(vector(learner), vector(ordinary))


def test_a_device_of_little_memory_draws_fewer_samples(tiny):
    small = DEFAULT.device_memory_bytes.copy()
    small[4] = 308648 + 52992 + 18 * 70512.5 + 1  # holds 18 at the deepest block
    learner = start(tiny, device_memory_bytes=small.tolist())
    plenty = start(tiny)
    for one in (learner, plenty):
        one.run_round(0, 0, decide(batch_size=64))
    shallow = [torch.equal(a, b) for a, b in zip(learner.blocks[0], plenty.blocks[0], strict=True)]
    deep = [torch.equal(a, b) for a, b in zip(learner.blocks[5], plenty.blocks[5], strict=True)]
    assert all(shallow) and not all(deep)


def test_a_seed_says_everything_and_another_seed_something_else():
    def trained(seed, matching=MATCHING):
        learner = start(seed=seed)
        losses = [learner.run_round(0, index, decide(matching)) for index in range(3)]
        return losses, vector(learner)

    (losses, end), (again, same), (others, _) = trained(1), trained(1), trained(2)
    assert losses == again and torch.equal(end, same) and losses != others
    # Another matching meets the same model and the same mini-batches at first.
    assert trained(1, MATCHING[::-1].copy())[0][0] == pytest.approx(losses[0])


def test_a_snapshot_is_gone_on_from_more_than_once():
    learner = start(seed=6)
    learner.run_round(0, 0, decide())
    snapshot, ends = learner.snapshot(), []
    for _ in range(2):
        learner.restore(snapshot)
        learner.run_round(0, 1, decide())
        learner.run_round(0, 2, decide())
        ends.append(vector(learner))
    assert torch.equal(*ends)


def test_pretraining_is_on_the_servers_samples_and_kept_for_the_next_episode():
    untrained = start(seed=7, **{"learning.n_pretrain_rounds": 0})
    trained, again = start(seed=7), start(seed=7)
    assert torch.equal(vector(trained), vector(again))
    assert not torch.equal(vector(trained), vector(untrained))
    trained.run_round(0, 0, decide())
    assert torch.equal(vector(again), vector(start(seed=7)))


def test_a_module_of_ones_own_is_fine_tuned_as_it_comes(tiny):
    own = six_layers((1, 8, 8), 10)
    learner = CooperativeLearner(DEFAULT, 0, device="cpu", data=tiny, network=own)
    assert torch.equal(vector(learner), parameters_to_vector(own.parameters()))
    learner.run_round(0, 0, decide())
    assert not torch.equal(vector(learner), parameters_to_vector(own.parameters()))


def test_a_network_of_other_blocks_is_refused():
    with pytest.raises(InputError, match=r"must have the 6 blocks .* got 2 of RowTransformer"):
        start(**{"learning.network": "row-transformer"})


def test_without_a_learning_task_there_is_nothing_to_train():
    with pytest.raises(InputError, match=r"learning must be given in scenario .* Add a \[learning"):
        CooperativeLearner(DEFAULT.replace(learning=None), 0)


def rounds(learner, turn, n=60):
    """Train with the matching of each round and give the validation accuracy."""
    for index in range(n):
        learner.run_round(0, index, decide(turn(index)))
    return learner.validation()[1]


@pytest.mark.slow
def test_a_fixed_matching_of_own_shares_falls_behind_one_that_rotates():
    pretrained = {"learning.n_pretrain_rounds": 400}
    fixed = [rounds(start(seed=s, **pretrained), lambda index: MATCHING, 120) for s in range(2)]
    rotated = [
        rounds(start(seed=s, **pretrained), lambda index: (np.arange(6) + index) % 10, 120)
        for s in range(2)
    ]
    assert np.mean(rotated) > np.mean(fixed) + 0.05


def test_the_union_of_all_is_what_the_final_figures_are_of(tiny):
    learner = start(tiny)
    report = learner.report()
    assert set(report) == {"train_loss", "test_loss", "test_accuracy"}
    assert len(joined(tiny.devices)) == sum(range(3, 13))
