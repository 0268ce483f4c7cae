from itertools import pairwise

import pytest
import torch
from torch import nn

from edgegym import InputError, load_scenario
from edgegym.learning.blocks import blocks_of, count_costs
from edgegym.learning.centralized import Samples
from edgegym.learning.making import make_network
from edgegym.learning.networks import LeNet
from edgegym.learning.trainable import restrict
from edgegym.learning.transformer import six_layers


@pytest.fixture
def network():
    return make_network("row-transformer-6", 0, (1, 8, 8))


@pytest.fixture
def batch():
    return Samples(torch.randn(8, 1, 8, 8), torch.arange(8))


def test_every_parameter_is_in_one_block_and_the_ends_are_at_the_ends(network):
    blocks = blocks_of(network)
    held = [id(p) for block in blocks for p in block]
    assert sorted(held) == sorted(map(id, network.parameters()))
    names = {id(p): name for name, p in network.named_parameters()}
    assert {"head.weight", "encoder.norm.bias"} < {names[id(p)] for p in blocks[0]}
    assert {"position", "embedding.weight"} < {names[id(p)] for p in blocks[-1]}
    for depth, block in enumerate(blocks):
        layers = {names[id(p)].split(".")[2] for p in block if "layers" in names[id(p)]}
        assert layers == {str(5 - depth)}


def test_a_gradient_of_a_block_is_the_whole_gradients_part(network, batch):
    blocks = blocks_of(network)

    def gradient(parameters):
        loss = nn.functional.cross_entropy(network(batch.images), batch.labels)
        return torch.autograd.grad(loss, parameters)

    whole = dict(zip(map(id, network.parameters()), gradient([*network.parameters()]), strict=True))
    for block in blocks:
        for p, values in zip(block, gradient(block), strict=True):
            torch.testing.assert_close(values, whole[id(p)])


def test_flops_and_activations_are_linear_in_depth(network, batch):
    costs = count_costs(network, batch)
    for values in (costs.backward_flop_per_sample, costs.activation_bytes_per_sample):
        steps = [after - before for before, after in pairwise(values)]
        assert max(steps) < 1.1 * min(steps)
    # A product has two in its gradient: as many FLOPs to go back through a layer as forward.
    layer = costs.backward_flop_per_sample[3] - costs.backward_flop_per_sample[2]
    assert layer == pytest.approx(costs.forward_flop_per_sample / 6, rel=0.02)
    assert costs.gradient_flop_per_sample == pytest.approx(layer, rel=0.02)


def test_the_default_scenario_holds_what_is_counted(network, batch):
    scenario = load_scenario("cooperative-digits")
    for key, value in count_costs(network, batch)._asdict().items():
        assert getattr(scenario, key) == pytest.approx(value, rel=1e-9), key


def test_counting_leaves_the_network_as_it_was(network, batch):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count_costs(network, batch)
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_low_rank_updates_are_blocks_and_the_frozen_base_is_in_none(batch):
    pytest.importorskip("peft")
    network = restrict(six_layers((1, 8, 8), 10), "lora:2", seed=0)
    blocks = blocks_of(network)
    assert len(blocks) == 6 and all(p.requires_grad for block in blocks for p in block)
    assert sum(p.numel() for block in blocks for p in block) < 10_000
    costs = count_costs(network, batch)
    assert costs.update_size_bits < 100_000 < costs.model_bytes


@pytest.mark.parametrize("network", [LeNet(), restrict(six_layers((1, 8, 8), 10), "head", seed=0)])
def test_what_has_no_blocks_is_refused(network):
    with pytest.raises(InputError, match=r"learning.network must keep its layers in a torch"):
        blocks_of(network)
