import pytest
import torch
from torch import nn

from edgegym.errors import InputError
from edgegym.learning.making import make_by, make_network, try_out

SHIPPED = ("lenet", "googlenet")


def weights_of(network):
    return nn.utils.parameters_to_vector(network.parameters())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_seed_alone_decides_the_initial_weights(name):
    first = weights_of(make_network(name, seed=1))
    torch.manual_seed(7)
    assert torch.equal(first, weights_of(make_network(name, seed=1)))
    assert not torch.equal(first, weights_of(make_network(name, seed=2)))


def test_making_a_network_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    make_network("lenet", seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_making_a_network_leaves_the_gpu_generators_alone(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    make_network("lenet", seed=1)
    assert seeds == []


def test_a_factory_is_given_shape_and_classes_and_makes_a_module_of_the_seed():
    def make(shape, n_classes):
        return nn.Linear(shape[0], n_classes)

    first, again, other = (make_by(make, "mine", seed, (5,), 3) for seed in (1, 1, 2))
    assert first.weight.shape == (3, 5)
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)


def test_what_a_factory_makes_must_be_a_module():
    with pytest.raises(InputError, match=r"'mine' must be a torch\.nn\.Module; got int\. Correct"):
        make_by(lambda shape, n_classes: 7, "mine", 1, (5,), 3)


class Normalised(nn.Sequential):
    def __init__(self):
        super().__init__(nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))


def test_trying_leaves_a_network_as_it_was():
    network = Normalised()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    try_out(network, "mine", torch.randn(2, 4), 2)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("network", "got"),
    [
        (nn.Linear(4, 3), r"shape \(2, 3\)"),
        (nn.Flatten(0), r"shape \(8,\)"),
        (nn.LSTM(4, 2), "tuple"),
    ],
)
def test_other_logits_are_refused(network, got):
    with pytest.raises(
        InputError, match=f"must give 2 finite logits .*'mine', which gives .*{got}"
    ):
        try_out(network, "mine", torch.randn(2, 4), 2)
