import sys

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from edgegym import load_scenario
from edgegym.errors import InputError
from edgegym.learning.learner import Learner
from edgegym.learning.making import make_network
from edgegym.learning.stacked import StackedLearner, StackedRound
from edgegym.learning.trainable import changing, count_trained, restrict

SEED, RANK = 3, 2
DIGITS = load_scenario("digits")
#: LeNet's head and, of rank 2, the updates of its two other linear layers.
HEAD = 84 * 10 + 10
UPDATES = RANK * (400 + 120 + 120 + 84)


def restricted(what):
    if what.startswith("lora"):
        pytest.importorskip("peft")
    return DIGITS.replace(**{"learning.trainable": what})


def make_learner(what, seed=SEED):
    return Learner(restricted(what), seed, device="cpu")


def weights_of(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


BOTH = pytest.mark.parametrize(
    ("what", "n_trained"), [("head", HEAD), (f"lora:{RANK}", HEAD + UPDATES)]
)


@BOTH
def test_rounds_of_both_stages_change_what_is_trained_alone(what, n_trained):
    learner = make_learner(what)
    before = weights_of(learner.network)
    learner.pretrain(0, 8)
    learner.finetune(0, [4, 4, 4])
    after = weights_of(learner.network)
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == list(changing(learner.network))
    assert sum(before[name].numel() for name in changed) == n_trained


def test_a_round_of_the_head_is_a_step_of_the_last_layer():
    learner, alone = make_learner("head"), make_network("lenet", SEED)
    batch = learner.data.pool.take(torch.arange(5))
    cross_entropy(alone(batch.images), batch.labels).backward()
    learner.descend(torch.arange(5).numpy(), learner.learning_rate)
    stepped = alone[-1].weight - DIGITS.learning_rate * alone[-1].weight.grad
    assert torch.allclose(learner.network[-1].weight, stepped, rtol=0, atol=1e-6)


def test_low_rank_updates_leave_an_untrained_network_as_it_was():
    pytest.importorskip("peft")
    images = torch.rand(4, 1, 28, 28)
    logits = make_network("lenet", SEED)(images)
    updated = restrict(make_network("lenet", SEED), f"lora:{RANK}", SEED)(images)
    assert torch.allclose(updated, logits, rtol=0, atol=1e-6)


def test_initial_updates_depend_on_the_seed_alone():
    first, again, other = (
        make_learner(f"lora:{RANK}", seed).snapshot().weights for seed in (1, 1, 2)
    )
    (name,) = (name for name in first if "7" in name and "lora_A" in name)
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_a_projection_of_attention_is_updated_in_place_of_all_linear_layers():
    pytest.importorskip("peft")

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.value, self.dense = (nn.Linear(4, 4) for _ in range(3))
            self.head = nn.Linear(4, 2)

    names = list(changing(restrict(Block(), "lora:1", SEED)))
    assert {name.split(".")[0] for name in names} == {"query", "value", "head"}


def test_a_head_whose_name_ends_like_another_is_trained_whole():
    pytest.importorskip("peft")
    last = nn.Sequential(nn.ReLU(), nn.Linear(4, 2))
    network = restrict(nn.Sequential(nn.ReLU(), nn.Linear(4, 4), last), "lora:1", SEED)
    names = ["1.lora_A.default.weight", "1.lora_B.default.weight", "2.1.weight", "2.1.bias"]
    assert list(changing(network)) == names


@BOTH
def test_a_snapshot_holds_what_is_trained_and_is_gone_on_from(what, n_trained):
    learner = make_learner(what)
    learner.pretrain(0, 8)
    snapshot = learner.snapshot()
    assert sum(value.numel() for value in snapshot.weights.values()) == n_trained
    losses = [learner.finetune(n, [4, 4, 4]) for n in range(3)]
    learner.restore(snapshot)
    assert [learner.finetune(n, [4, 4, 4]) for n in range(3)] == losses


@BOTH
def test_stacked_networks_are_trained_like_one_alone(what, n_trained):
    stacked = StackedLearner(restricted(what), n_copies=2, device="cpu")
    stacked.begin([0, 1], seeds=[SEED, SEED + 1])
    alone = make_learner(what)
    for n in range(3):
        both = stacked.train([StackedRound(copy, False, n, [8]) for copy in (0, 1)])
        assert both[0] == pytest.approx(alone.pretrain(n, 8), rel=1e-4)
    for name, value in alone.network.named_parameters():
        assert torch.allclose(stacked.parameters[name][0], value, rtol=0, atol=1e-5)


@BOTH
def test_only_what_is_trained_is_sent(what, n_trained):
    task = restricted(what).learning
    assert count_trained(task) == n_trained
    for bits, word in ((32, "float32"), (8, "int8")):
        assert restricted(what).replace(update_size_bits=word).update_bits == bits * n_trained


def test_the_size_of_an_update_follows_what_is_trained():
    whole = DIGITS.replace(update_size_bits="float32")
    assert whole.update_bits == 32 * 61_706
    assert whole.replace(**{"learning.trainable": "head"}).update_bits == 32 * HEAD
    assert DIGITS.update_bits == 0.2e6


@pytest.mark.parametrize("what", ["none", "lora", "lora:0", "lora:-1", "lora:2.5", "heads"])
def test_another_word_is_refused(what):
    with pytest.raises(InputError, match=r"trainable must be all, head, or lora:R .*; got '"):
        DIGITS.replace(**{"learning.trainable": what})


@pytest.mark.parametrize("size", ["float16", -1, 0, [1]])
def test_another_size_is_refused(size):
    with pytest.raises(
        InputError, match=r"update_size_bits must be a pos.* or float32 or int8; got"
    ):
        DIGITS.replace(update_size_bits=size)


def test_where_peft_is_missing_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"got lora:2\. Install it: pip install 'edgegym\[text\]'"):
        restrict(make_network("lenet", SEED), "lora:2", SEED)


def test_a_network_without_other_linear_layers_takes_no_updates():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(InputError, match=r"must be all or head for a network without .* Choose"):
        restrict(network, "lora:2", SEED)
