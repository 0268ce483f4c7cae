import pytest
import torch

from edgegym import load_scenario
from edgegym.bench.learning import make_learner
from edgegym.bench.machine_limit import MATRIX_SIZE, count_work, measure_limit
from edgegym.learning.centralized import minibatch_gradient
from edgegym.learning.making import make_network


@pytest.fixture
def make_noise():
    def make(n):
        learner = make_learner("lenet", load_scenario("digits"), 0, "cpu")
        return learner.data.server.split(n)[0]

    return make


def test_the_work_of_a_pass_is_that_of_its_products_and_its_tensors():
    a, b = torch.ones(4, 6), torch.ones(6, 3)
    assert count_work(lambda: a @ b) == (2 * 4 * 6 * 3, 4 * (24 + 18 + 12))
    assert count_work(lambda: a.view(24).split(6)) == (0, 0)


def test_the_work_of_a_gradient_is_three_times_that_of_the_network(make_noise):
    network, batch = make_network("lenet", seed=0), make_noise(5)
    work = count_work(lambda: minibatch_gradient(network, batch))
    first_layer = 28 * 28 * 6 * 25  # whose images need no gradient
    assert work.n_flop == 5 * 2 * (3 * 416_520 - first_layer)


def test_the_limit_is_measured_in_either_precision(monkeypatch):
    monkeypatch.setitem(MATRIX_SIZE, "cpu", 64)
    for dtype in (torch.float32, torch.bfloat16):
        limit = measure_limit(torch.device("cpu"), dtype)
        assert limit.flop_per_s > 0
        assert limit.bytes_per_s > 0
    assert torch.get_float32_matmul_precision() == "highest"
