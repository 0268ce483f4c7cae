import numpy as np
import pytest
import torch
from strategies import TINY_SCENARIO
from torch import nn

from edgegym import InputError, load_scenario
from edgegym.learning import stacked
from edgegym.learning.learner import Learner
from edgegym.learning.making import make_network
from edgegym.learning.networks import LeNet
from edgegym.learning.stacked import StackedLearner, StackedRound
from edgegym.scenario.catalogue import NETWORKS, Network

TINY = load_scenario("digits").replace(**TINY_SCENARIO)
N_COPIES = 5


def begun(seeds, scenario=TINY):
    learner = StackedLearner(scenario, len(seeds), device="cpu")
    learner.begin(range(len(seeds)), seeds)
    return learner


def alone(seed, scenario=TINY):
    return Learner(scenario, seed, device="cpu")


def weights_of(learner, copy):
    return {name: stack[copy].clone() for name, stack in learner.parameters.items()}


def assert_same_bits(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def random_round(rng, copy, round_index):
    """Draw a round of either stage, one batch in four of a single sample."""
    finetuning = bool(rng.integers(2))
    sizes = rng.integers(1, 40, size=3 if finetuning else 1)
    return StackedRound(copy, finetuning, round_index, np.where(rng.random() < 0.25, 1, sizes))


def run_alone(learner, one):
    if one.finetuning:
        return learner.finetune(one.round_index, one.batch_sizes)
    return learner.pretrain(one.round_index, int(one.batch_sizes[0]))


def assert_close_to_one_at_a_time(ours, theirs, copies):
    losses, accuracies = ours.validation(copies)
    expected = [theirs[copy].validation() for copy in copies]
    assert losses == pytest.approx([loss for loss, _ in expected], rel=1e-4)
    assert accuracies == [accuracy for _, accuracy in expected]


@pytest.mark.parametrize("case", range(3))
def test_every_copy_is_the_learner_of_its_seed_over_mixed_stages_and_resets(case):
    rng = np.random.default_rng(case)
    seeds = rng.integers(2**62, size=N_COPIES).tolist()
    ours, theirs = begun(seeds), [alone(seed) for seed in seeds]
    for round_index in range(40):
        running = np.flatnonzero(rng.random(N_COPIES) < 0.8).tolist() or [0]
        rounds = [random_round(rng, copy, round_index) for copy in running]
        losses = ours.train(rounds)
        expected = {one.copy: run_alone(theirs[one.copy], one) for one in rounds}
        assert losses == {copy: pytest.approx(loss, rel=1e-4) for copy, loss in expected.items()}
        if round_index % 13 == 12:
            copy, seed = int(rng.integers(N_COPIES)), int(rng.integers(2**62))
            ours.begin([copy], [seed])
            theirs[copy] = alone(seed)
        if round_index % 5 == 4:
            assert_close_to_one_at_a_time(ours, theirs, running)
    assert_close_to_one_at_a_time(ours, theirs, [4, 0, 2, 1, 3])
    for copy, learner in enumerate(theirs):
        for name, value in learner.network.named_parameters():
            assert torch.allclose(ours.parameters[name][copy], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_at_once", [1, 7, 64])
def test_passes_of_any_size_add_up_to_the_same_round(monkeypatch, n_at_once):
    rounds = [
        StackedRound(0, False, 0, [1]),
        StackedRound(1, True, 0, [30, 1, 9]),
        StackedRound(2, False, 0, [11]),
    ]
    whole, cut = begun([1, 2, 3]), begun([1, 2, 3])
    expected = whole.train(rounds), *whole.validation([2, 0])
    monkeypatch.setitem(stacked.SAMPLES_AT_ONCE, "cpu", n_at_once)
    losses, *validation = cut.train(rounds), *cut.validation([2, 0])
    assert losses == pytest.approx(expected[0], rel=1e-5)
    assert validation == [pytest.approx(values, rel=1e-5) for values in expected[1:]]
    for name, value in whole.parameters.items():
        assert torch.allclose(cut.parameters[name], value, rtol=0, atol=1e-6)


def test_copies_that_do_not_run_stay_untouched_bit_for_bit():
    learner = begun([1, 2, 3])
    before = [weights_of(learner, copy) for copy in range(3)]
    assert learner.train([StackedRound(1, False, 0, [9])]).keys() == {1}
    learner.validation([0, 1, 2])
    assert_same_bits(weights_of(learner, 0), before[0])
    assert_same_bits(weights_of(learner, 2), before[2])
    assert not torch.equal(learner.parameters["0.weight"][1], before[1]["0.weight"])


def test_a_copy_begins_with_the_weights_of_its_seed_and_the_others_go_on():
    learner = begun([1, 2, 3])
    learner.train([StackedRound(copy, False, 0, [9]) for copy in range(3)])
    before = weights_of(learner, 1)
    learner.begin([2, 0], [8, 9])
    assert_same_bits(weights_of(learner, 1), before)
    for copy, seed in ((2, 8), (0, 9)):
        expected = dict(make_network("lenet", seed).named_parameters())
        assert_same_bits(weights_of(learner, copy), expected)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e30])
def test_a_copy_that_diverges_leaves_the_others_as_they_are(poison):
    ours, theirs = begun([1, 2, 3]), [alone(seed) for seed in (1, 2, 3)]
    for name in ours.parameters:
        ours.parameters[name][1] = poison
    for round_index in range(5):
        rounds = [
            StackedRound(0, False, round_index, np.array([2])),
            StackedRound(1, True, round_index, np.array([20, 1, 30])),
            StackedRound(2, True, round_index, np.array([1, 9, 5])),
        ]
        losses = ours.train(rounds)
        assert not np.isfinite(losses[1])
        for copy in (0, 2):
            expected = run_alone(theirs[copy], rounds[copy])
            assert losses[copy] == pytest.approx(expected, rel=1e-4)
    assert not np.isfinite(ours.validation([1])[0])
    assert_close_to_one_at_a_time(ours, theirs, [0, 2])


def test_a_learning_rate_out_of_reason_diverges_where_it_does_alone():
    steep = TINY.replace(learning_rate=1e9)
    ours, theirs = begun([1, 2, 3], steep), [alone(seed, steep) for seed in (1, 2, 3)]
    for round_index in range(6):
        rounds = [
            StackedRound(copy, False, round_index, np.array([4 * copy + 1])) for copy in (0, 1)
        ]
        losses = ours.train(rounds)
        for copy in (0, 1):
            expected = run_alone(theirs[copy], rounds[copy])
            assert np.isfinite(losses[copy]) == np.isfinite(expected)
    assert not np.isfinite([losses[0], losses[1]]).any()
    assert_close_to_one_at_a_time(ours, theirs, [2])


def test_the_global_generators_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    begun([1, 2]).train([StackedRound(0, True, 0, [3, 4, 5])])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002


def test_a_batch_size_is_needed_for_every_device():
    with pytest.raises(ValueError):
        begun([1]).train([StackedRound(0, True, 0, [3, 17])])


def test_a_network_with_batch_statistics_is_refused(monkeypatch):
    normalised = Network(lambda shape, n: nn.Sequential(nn.BatchNorm2d(1), LeNet(n)))
    monkeypatch.setitem(NETWORKS, "normalised", normalised)
    scenario = TINY.replace(**{"learning.network": "normalised"})
    with pytest.raises(InputError, match=r"no batch statistics .*; got 'normalised'\. .*'sync'"):
        StackedLearner(scenario, 2, device="cpu")


def test_bfloat16_is_honoured_to_its_accuracy():
    short = TINY.replace(**{"learning.precision": "bfloat16"})
    ours, plain, theirs = begun([5, 6], short), begun([5, 6]), [alone(s, short) for s in (5, 6)]
    for n in range(10):
        rounds = [StackedRound(0, False, n, [8]), StackedRound(1, True, n, [3, 1, 2])]
        losses = ours.train(rounds)
        assert losses != plain.train(rounds)
        for one in rounds:
            assert losses[one.copy] == pytest.approx(run_alone(theirs[one.copy], one), rel=1e-2)
    assert ours.validation([0, 1])[0] == pytest.approx(
        [t.validation()[0] for t in theirs], rel=1e-2
    )
    assert {value.dtype for value in ours.parameters.values()} == {torch.float32}
