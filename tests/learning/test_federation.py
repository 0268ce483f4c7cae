"""Rounds of a federation against a loop written by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from edgegym import InputError, load_scenario
from edgegym.learning.learner import Learner
from edgegym.learning.making import make_network
from edgegym.learning.stacked import StackedLearner
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.scenario.federation import Federation

SEED, ROUNDS = 5, 4
SIZES = np.array([3, 17, 40])
DIGITS = load_scenario("digits").replace(learning_rate=0.05)
CASES = {
    "local steps": {"n_local_steps": 3},
    "a proximal term": {"n_local_steps": 3, "proximal_weight": 2.0},
    "a falling learning rate": {"n_local_steps": 2, "learning_rate_decay": 0.5},
    "a slow server": {"server_learning_rate": 0.5},
    "momentum": {"server_optimizer": "momentum", "server_momentum": 0.5},
    "adam": {"server_optimizer": "adam", "server_learning_rate": 0.01},
    "two of three by chance": {"n_participants": 2},
    "two of three in turn": {"n_participants": 2, "participation": "round-robin"},
    "lost updates": {"dropout_probability": 0.5},
    "8 bits": {"compression": "int8"},
    "the largest": {"compression": "top-k", "top_k_share": 0.05},
    "all at once": {
        "n_local_steps": 2,
        "proximal_weight": 0.5,
        "learning_rate_decay": 0.9,
        "server_optimizer": "momentum",
        "server_learning_rate": 0.7,
        "n_participants": 2,
        "dropout_probability": 0.3,
        "compression": "top-k",
        "top_k_share": 0.3,
    },
}
#: One number in so many may be another: where rounding decides which way it goes, or which is sent.
STRAYS = 1e-3


def federated(**changes):
    return DIGITS.replace(**{f"federation.{key}": value for key, value in changes.items()})


def vector(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy().copy()


def fill(network, weights):
    values, start = torch.from_numpy(weights.astype(np.float32)), 0
    for p in network.parameters():
        p.data = values[start : start + p.numel()].view_as(p).clone()
        start += p.numel()


def chosen_by_hand(n, federation):
    if federation.participation == "round-robin":
        return {0: [0, 1], 1: [2, 0], 2: [1, 2], 3: [0, 1]}[n]
    drawn = keyed_generator(SEED, Stream.PARTICIPATION, 0).random((3, 64))[:, n]
    return sorted(np.argsort(drawn)[: federation.n_participants or 3])


def compressed_by_hand(update, n, k, federation, unsent):
    if federation.compression == "int8":
        scale = np.abs(update).max() / np.float32(127)
        rng = keyed_generator(SEED, Stream.COMPRESSION, n, k)
        return np.floor(update / scale + rng.random(update.size, dtype=np.float32)) * scale
    if federation.compression == "top-k":
        whole = update + unsent.get(k, 0)
        sent = np.zeros_like(whole)
        kept = np.argsort(-np.abs(whole))[: int(np.ceil(federation.top_k_share * whole.size))]
        sent[kept] = whole[kept]
        return sent
    return update


def loop_by_hand(federation, data):
    """The losses of all rounds and the weights after them."""
    f, network = federation, make_network("lenet", SEED)
    server, losses, unsent = vector(network), [], {}
    speed, mean, square = (np.zeros_like(server) for _ in range(3))
    n_steps = 0
    for n in range(ROUNDS):
        here = chosen_by_hand(n, f)
        lost = keyed_generator(SEED, Stream.DROPOUT, 0).random((3, 64))[:, n]
        loss, total, change = 0.0, 0, np.zeros_like(server)
        for k in here:
            samples = data.devices[k]
            rng = keyed_generator(SEED, Stream.FINETUNE_BATCH, n, k)
            index = rng.integers(len(samples), size=f.n_local_steps * SIZES[k])
            weights = server.copy()
            for step in range(f.n_local_steps):
                fill(network, weights)
                batch = samples.take(torch.from_numpy(index[step * SIZES[k] :][: SIZES[k]]))
                network.zero_grad()
                value = cross_entropy(network(batch.images), batch.labels)
                value.backward()
                gradient = torch.cat([p.grad.flatten() for p in network.parameters()]).numpy()
                pull = f.proximal_weight * (weights - server)
                weights = weights - 0.05 * f.learning_rate_decay**n * (gradient + pull)
                if step == 0:
                    loss += SIZES[k] / SIZES[here].sum() * value.item()
            sent = compressed_by_hand(weights - server, n, k, f, unsent)
            arrives = lost[k] >= f.dropout_probability
            unsent[k] = unsent.get(k, 0) + weights - server - (sent if arrives else 0)
            if arrives:
                total, change = total + SIZES[k], change + SIZES[k] * sent
        losses.append(loss)
        if not total:
            continue
        change, n_steps = change / total, n_steps + 1
        if f.server_optimizer == "momentum":
            change = speed = f.server_momentum * speed + change
        if f.server_optimizer == "adam":
            mean = 0.9 * mean + 0.1 * change
            square = 0.99 * square + 0.01 * change**2
            root = np.sqrt(square / (1 - 0.99**n_steps)) + 1e-3
            change = mean / (1 - 0.9**n_steps) / root
        server = server + f.server_learning_rate * change
    return losses, server


@pytest.mark.parametrize("case", CASES)
def test_rounds_are_those_of_a_loop_by_hand(case):
    scenario = federated(**CASES[case])
    learner = Learner(scenario, SEED, device="cpu")
    losses = [learner.finetune(n, SIZES) for n in range(ROUNDS)]
    expected, weights = loop_by_hand(scenario.federation, learner.data)
    assert losses == pytest.approx(expected, rel=1e-5)
    strays = np.abs(vector(learner.network) - weights) > 1e-5
    assert strays.mean() <= (STRAYS if "compression" in CASES[case] else 0)
    assert not np.allclose(weights, vector(make_network("lenet", SEED)), atol=1e-4)


def test_every_departure_changes_what_is_learned():
    ends = {}
    for case, changes in CASES.items():
        learner = Learner(federated(**changes), SEED, device="cpu")
        for n in range(ROUNDS):
            learner.finetune(n, SIZES)
        ends[case] = vector(learner.network).tobytes()
    assert len(set(ends.values())) == len(CASES)


def test_the_papers_federation_is_trained_as_ever_and_is_one_local_step():
    plain = Learner(DIGITS, SEED, device="cpu")
    assert plain.federation is None
    as_federation = Learner(federated(n_participants=3), SEED, device="cpu")
    for n in range(ROUNDS):
        ours, theirs = (learner.finetune(n, SIZES) for learner in (as_federation, plain))
        assert ours == pytest.approx(theirs, rel=1e-5)
    ends = vector(as_federation.network), vector(plain.network)
    assert np.allclose(*ends, rtol=0, atol=1e-6)


def test_a_round_whose_updates_are_all_lost_leaves_the_model_as_it_was():
    learner = Learner(federated(dropout_probability=0.999), SEED, device="cpu")
    before = vector(learner.network)
    assert np.isfinite(learner.finetune(0, SIZES))
    assert np.array_equal(vector(learner.network), before)


@pytest.mark.parametrize("case", ["momentum", "adam", "the largest", "all at once"])
def test_a_snapshot_holds_what_is_carried_and_is_gone_back_to_bit_for_bit(case):
    learner = Learner(federated(**CASES[case]), SEED, device="cpu")
    learner.finetune(0, SIZES)
    learner.finetune(1, SIZES)
    kept, ends = learner.snapshot(), []
    other = Learner(federated(**CASES[case]), 0, device="cpu")
    for one in (learner, learner, other):
        one.restore(kept)
        ends.append([one.finetune(n, SIZES) for n in (2, 3)] + [vector(one.network).tobytes()])
    assert ends[0] == ends[1] == ends[2]


def test_statistics_of_batches_are_averaged_over_what_arrives():
    scenario = federated(server_learning_rate=0.5)
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10))
    learner = Learner(scenario, SEED, device="cpu", network=network)
    expected = torch.zeros(784)
    for k, samples in enumerate(learner.data.devices):
        rng = keyed_generator(SEED, Stream.FINETUNE_BATCH, 0, k)
        index = torch.from_numpy(rng.integers(len(samples), size=SIZES[k]))
        expected += 0.1 * SIZES[k] / SIZES.sum() * samples.images[index].flatten(1).mean(dim=0)
    learner.finetune(0, SIZES)
    assert torch.allclose(learner.network[1].running_mean, expected, atol=1e-6)


def test_networks_that_are_trained_stacked_know_the_papers_rounds_alone():
    with pytest.raises(InputError, match="federation must be the paper's to be trained stacked"):
        StackedLearner(federated(n_local_steps=2), 2, device="cpu")


def test_a_federation_says_in_what_it_departs():
    assert Federation().departures == []
    for changes in CASES.values():
        assert len(Federation(**changes).departures) >= 1
    assert len(Federation(**CASES["all at once"]).departures) == 8


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("n_local_steps", 0, "must be greater than or equal to 1"),
        ("proximal_weight", -1.0, "must be greater than or equal to 0"),
        ("learning_rate_decay", 0.0, "must be greater than 0"),
        ("server_optimizer", "lion", "must be 'sgd', 'momentum' or 'adam'"),
        ("n_participants", 4, "must be at most 3, the number of devices"),
        ("dropout_probability", 1.0, "must be less than 1"),
        ("compression", "zip", "must be 'none', 'int8' or 'top-k'"),
        ("top_k_share", 0.0, "must be greater than 0"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_rule(key, value, rule):
    with pytest.raises(InputError, match=rf"federation.{key} {rule}.*; got {value!r}"):
        federated(**{key: value})
