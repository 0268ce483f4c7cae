import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgegym.learning.centralized import minibatch_gradient, sgd_round
from edgegym.learning.making import make_network
from edgegym.learning.networks import (
    GoogLeNet,
    LeNet,
    compute_in_bfloat16,
    has_batch_statistics,
    place_network,
)
from edgegym.scenario.catalogue import NETWORKS
from edgegym.systems.load import load_scenario

SHIPPED = ("lenet", "googlenet", "googlenet-narrow")
CPU = torch.device("cpu")


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


def test_every_network_takes_the_images_that_a_scenario_is_told_it_takes():
    for name in SHIPPED:
        network = make_network(name, seed=0, n_classes=26)
        assert network(torch.zeros(2, *NETWORKS[name].shape)).shape == (2, 26)


def test_only_networks_with_batch_norm_have_batch_statistics():
    assert not has_batch_statistics(LeNet())
    assert has_batch_statistics(GoogLeNet())
    assert has_batch_statistics(nn.Sequential(nn.Sequential(nn.BatchNorm1d(3))))
    assert not has_batch_statistics(nn.Sequential(nn.GroupNorm(1, 3)))


def flat(gradient):
    return torch.cat([part.flatten() for part in gradient])


def test_channels_last_weights_lay_every_activation_so_and_change_no_gradient(make_samples):
    batch = make_samples(2, shape=(3, 32, 32))
    batch = type(batch)(batch.images.double(), batch.labels)
    plain, lying = (make_network("googlenet", seed=1).double() for _ in range(2))
    lying.to(memory_format=torch.channels_last)
    layouts = []
    for module in lying.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.ReLU | nn.MaxPool2d):
            module.register_forward_hook(
                lambda *call: layouts.append(
                    call[-1].is_contiguous(memory_format=torch.channels_last)
                )
            )
    (loss, gradient), (other_loss, other) = (
        minibatch_gradient(network, batch) for network in (plain, lying)
    )
    assert len(layouts) > 200
    assert all(layouts)
    torch.testing.assert_close(other_loss, loss)
    torch.testing.assert_close(flat(other), flat(gradient), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_network_lies_channels_last_on_a_cpu(name):
    network = place_network(make_network(name, seed=1), name, CPU)
    weights = [p for p in network.parameters() if p.dim() == 4]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_bfloat16_gives_the_loss_and_the_gradient_to_its_accuracy(make_samples):
    batch = make_samples(64)
    plain, short = (make_network("lenet", seed=1) for _ in range(2))
    names = list(short.state_dict())
    compute_in_bfloat16(short, CPU)
    (loss, gradient), (other_loss, other) = (
        minibatch_gradient(network, batch) for network in (plain, short)
    )
    assert other_loss.item() == pytest.approx(loss.item(), rel=2**-8)
    assert not torch.equal(flat(other), flat(gradient))
    assert (flat(other) - flat(gradient)).norm() < 0.1 * flat(gradient).norm()
    assert {part.dtype for part in [other_loss, *other]} == {torch.float32}
    assert list(short.state_dict()) == names


@pytest.mark.slow
def test_googlenet_in_bfloat16_trains_alike(make_samples):
    batch = make_samples(4, shape=(3, 32, 32))
    plain, short = (make_network("googlenet", seed=1) for _ in range(2))
    compute_in_bfloat16(short, CPU)
    losses, others = (
        [sgd_round(network, batch, 0.01) for _ in range(4)] for network in (plain, short)
    )
    assert losses[-1] < 0.8 * losses[0]
    assert others == pytest.approx(losses, rel=0.1)


def test_the_narrow_googlenet_shrinks_as_its_scenario_says():
    wide, narrow = load_scenario("cinic10-cifar10"), load_scenario("cinic10-cifar10-narrow")
    networks = [make_network(s.learning.network, seed=0) for s in (wide, narrow)]
    parameters = [count_parameters(network) for network in networks]
    assert parameters[0] / parameters[1] == pytest.approx(
        wide.update_bits / narrow.update_bits, rel=0.01
    )
    operations = [count_multiply_accumulates(network, (3, 32, 32)) for network in networks]
    assert operations[0] / operations[1] == pytest.approx(
        wide.flop_per_sample / narrow.flop_per_sample, rel=0.05
    )
