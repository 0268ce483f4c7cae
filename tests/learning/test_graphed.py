import numpy as np
import pytest
import torch

from edgegym import load_scenario
from edgegym.learning.centralized import Samples, sgd_round
from edgegym.learning.graphed import LEAST, MOST, GraphedRounds
from edgegym.learning.learner import Learner
from edgegym.learning.making import make_network

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=needs_gpu)]
SIZES = [1, 7, LEAST, LEAST + 1, 33, 64, 9]


@pytest.fixture(params=DEVICES)
def pool(request, make_samples):
    return make_samples(80).to(torch.device(request.param))


def lenet(pool, seed=0):
    return make_network("lenet", seed=seed).to(pool.images.device)


def vector(network):
    return torch.cat([p.detach().flatten().cpu() for p in network.parameters()])


def test_rounds_are_those_of_autograd_whatever_their_size_and_rate(pool):
    rng = np.random.default_rng(0)
    ours, theirs = lenet(pool), lenet(pool)
    graphed = GraphedRounds(ours, pool)
    for size in SIZES:
        places, rate = rng.integers(80, size=size), rng.uniform(0.01, 0.3)
        batch = pool.take(torch.from_numpy(places).to(pool.images.device))
        loss = graphed.sgd_round(places, rate)
        assert loss == pytest.approx(sgd_round(theirs, batch, rate), rel=1e-3)
        assert torch.allclose(vector(ours), vector(theirs), atol=1e-4)


def test_there_is_a_graph_for_each_power_of_two_alone(pool):
    graphed = GraphedRounds(lenet(pool), pool)
    for size in range(1, 34):
        graphed.sgd_round(np.arange(size), 0.01)
    assert sorted(graphed._rounds) == [8, 16, 32, 64]


def test_what_fills_a_batch_up_weighs_nothing(pool):
    """A round of one sample is that of 8 times the same."""
    once, often = lenet(pool), lenet(pool)
    GraphedRounds(once, pool).sgd_round(np.array([5]), 0.1)
    GraphedRounds(often, pool).sgd_round(np.full(8, 5), 0.1)
    assert torch.allclose(vector(once), vector(often), atol=1e-6)


def test_a_diverged_round_says_so(pool):
    broken = Samples(torch.full_like(pool.images, torch.inf), pool.labels)
    assert not np.isfinite(GraphedRounds(lenet(pool), broken).sgd_round(np.array([0, 1]), 0.1))


@needs_gpu
def test_a_learner_on_a_gpu_replays_graphs_and_goes_back_to_a_snapshot():
    learner = Learner(load_scenario("digits"), 3, "cuda")
    assert learner.graphed
    learner.pretrain(0, 8)
    snapshot = learner.snapshot()
    first = [learner.pretrain(m, 8) for m in (1, 2)]
    learner.restore(snapshot)
    assert [learner.pretrain(m, 8) for m in (1, 2)] == pytest.approx(first, rel=1e-4)


@needs_gpu
def test_what_is_larger_than_any_graph_is_run_without():
    learner = Learner(load_scenario("digits"), 3, "cuda")
    alone = Learner(load_scenario("digits"), 3, "cpu")
    assert learner.pretrain(0, MOST + 1) == pytest.approx(alone.pretrain(0, MOST + 1), rel=1e-3)
    assert not learner.graphed._rounds
