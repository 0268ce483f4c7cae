import copy

import pytest
import torch
from split_problems import DEFAULT
from torch.nn.functional import cross_entropy

from edgegym import InputError
from edgegym.learning.minibatches import draw_round
from edgegym.learning.split_learner import SplitLearner
from edgegym.learning.split_network import average
from edgegym.learning.splitting import decompose
from edgegym.systems.split.decision import SplitDecision

#: Little pre-training: what is tested is how the halves are trained together.
QUICK = DEFAULT.replace(pretrain_steps=5)
ONE = QUICK.replace(
    **{"learning.n_device_samples": 150, "uplink_gain": [1e-9], "downlink_gain": [1e-9]},
    **{
        key: [float(getattr(QUICK, key)[0])]
        for key in (
            *("device_tx_power_w", "device_noise_psd_w_per_hz", "device_clock_hz"),
            *("device_flop_per_cycle", "device_memory_bytes", "device_pue"),
            "device_power_coefficient_w_per_hz3",
        )
    },
)
SPLITS = [(0, 0), (1, 2), (3, 0), (4, 16), (5, 0)]


def state_of(learner):
    sides = [*learner.fronts, learner.back]
    return torch.cat([p.detach().flatten() for side in sides for p in side.parameters()])


@pytest.mark.parametrize(("layer", "rank"), SPLITS)
def test_with_one_device_a_round_is_a_step_of_the_unsplit_replacement(layer, rank):
    learner = SplitLearner(ONE, 3, "cpu")
    whole = copy.deepcopy(learner.network)
    if 0 < layer <= 4:
        whole = decompose(whole, layer, rank or None)
    learner.split_at(layer, rank)
    optimiser = learner.recipe.adamw(whole)
    for round_index in range(3):
        loss = learner.train(round_index, 8)
        (places,) = draw_round(learner.data, 3, True, round_index, [8])
        batch = learner.data.pool.take(torch.from_numpy(places))
        wanted = cross_entropy(whole(batch.images), batch.labels)
        optimiser.zero_grad()
        wanted.backward()
        optimiser.step()
        assert loss == wanted.item()
    got = sorted(
        p.detach().sum().item()
        for half in (learner.fronts[0], learner.back)
        for p in half.parameters()
    )
    assert got == sorted(p.detach().sum().item() for p in whole.parameters())


@pytest.mark.parametrize(("layer", "rank"), SPLITS[1:])
def test_lower_halves_part_on_their_own_samples_and_meet_when_they_are_averaged(layer, rank):
    learner = SplitLearner(QUICK.replace(averaging_interval=3), 0, "cpu")
    learner.split_at(layer, rank)
    apart = []
    for round_index in range(3):
        learner.train(round_index, 4)
        weights = [torch.cat([p.flatten() for p in f.parameters()]) for f in learner.fronts]
        apart.append(float((weights[0] - weights[1]).detach().abs().max()))
    assert 0 < apart[0] < apart[1] and apart[2] == 0


def test_what_is_judged_are_the_mean_of_the_lower_halves_and_the_upper_one():
    learner = SplitLearner(QUICK, 0, "cpu")
    learner.split_at(2, 4)
    learner.train(0, 8)
    before = learner.validation()
    average(learner.fronts, learner.fronts)
    assert learner.validation() == pytest.approx(before)
    assert {"test_accuracy", "worst_device_accuracy"} <= learner.report().keys()


def test_the_first_round_says_where_to_split_and_later_ones_do_not():
    equal = [0.25] * 4
    first, later = (SplitDecision(*at, 4.0, equal, equal) for at in ((2.0, 4.0), (3.0, 1.0)))
    learner, other = SplitLearner(QUICK, 1, "cpu"), SplitLearner(QUICK, 1, "cpu")
    losses = [learner.run_round(0, n, d) for n, d in enumerate((first, later))]
    assert losses == [other.run_round(0, n, first) for n in range(2)]
    assert learner.at == (2, 4, False)


def test_a_snapshot_is_gone_on_from_more_than_once_and_elsewhere():
    learner = SplitLearner(QUICK, 6, "cpu")
    begun = learner.snapshot()
    learner.split_at(2, 4)
    learner.train(0, 4)
    snapshot, ends = learner.snapshot(), []
    for each in (learner, learner, SplitLearner(QUICK, 7, "cpu")):
        each.restore(snapshot)
        each.train(1, 4)
        ends.append(state_of(each))
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])
    learner.restore(begun)
    assert learner.at is None and learner.fronts == []


def test_a_seed_says_everything_and_another_seed_something_else():
    def trained(seed):
        learner = SplitLearner(QUICK, seed, "cpu")
        learner.split_at(2, 4)
        return [learner.train(n, 4) for n in range(2)], state_of(learner)

    (losses, end), (again, same), (others, _) = trained(1), trained(1), trained(2)
    assert losses == again and torch.equal(end, same) and losses != others


@pytest.mark.slow
def test_a_pretrained_network_is_fine_tuned_to_turned_digits():
    learner = SplitLearner(DEFAULT, 0, "cpu")
    _, before = learner.validation()
    learner.split_at(2, 8)
    for round_index in range(100):
        learner.train(round_index, 8)
    assert before < 0.4 and learner.validation()[1] > 0.75


def test_without_a_learning_task_there_is_nothing_to_train():
    with pytest.raises(InputError, match=r"learning must be given in scenario .* Add a \[learning"):
        SplitLearner(DEFAULT.replace(learning=None), 0)
