import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgegym.learning.networks import NETWORKS, GoogLeNet, LeNet, has_batch_statistics, make_network


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def count_multiply_accumulates(network, shape):
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *shape))
    return counter.get_total_flops() / 2


def count_normalised_values(network, shape):
    sizes = []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda *call: sizes.append(call[-1].numel()))
    network(torch.zeros(1, *shape))
    return sum(sizes)


def weights_of(network):
    return nn.utils.parameters_to_vector(network.parameters())


def test_lenet_has_the_size_and_the_cost_of_the_paper():
    assert count_parameters(LeNet()) == 61_706
    assert count_multiply_accumulates(LeNet(), (1, 28, 28)) == 416_520


def test_googlenet_has_the_size_and_the_cost_of_the_paper():
    network = GoogLeNet()
    assert round(count_parameters(network) / 1e6, 2) == 6.17
    multiply_accumulates = count_multiply_accumulates(network, (3, 32, 32))
    assert multiply_accumulates == 1_521_756_160
    # The paper's 1.53 G counts a shift and a scaling for each value that is normalised.
    normalisation = 2 * count_normalised_values(network, (3, 32, 32))
    assert round((multiply_accumulates + normalisation) / 1e9, 2) == 1.53


@pytest.mark.parametrize(("name", "shape"), [("lenet", (1, 28, 28)), ("googlenet", (3, 32, 32))])
def test_every_image_gets_one_logit_for_each_of_ten_classes(name, shape):
    assert make_network(name, seed=0)(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("name", NETWORKS)
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


def test_only_networks_with_batch_norm_have_batch_statistics():
    assert not has_batch_statistics(LeNet())
    assert has_batch_statistics(GoogLeNet())
    assert has_batch_statistics(nn.Sequential(nn.Sequential(nn.BatchNorm1d(3))))
    assert not has_batch_statistics(nn.Sequential(nn.GroupNorm(1, 3)))
