import pytest
import torch

from edgegym.learning.learner import Learner
from edgegym.learning.making import make_network
from edgegym.learning.transformer import RowTransformer
from edgegym.systems.load import load_scenario


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 7)])
def test_every_row_is_a_token_and_counts(shape):
    network = make_network("row-transformer", 0, shape, 4).eval()
    images = torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))
    logits = network(images)
    assert logits.shape == (6, 4)
    for row in range(shape[1]):
        changed = images.clone()
        changed[:, :, row] += 1
        assert not torch.allclose(network(changed), logits)


def test_its_layers_begin_with_weights_of_their_own():
    first, second = RowTransformer((1, 8, 8), 10).encoder.layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)
    assert not torch.equal(first.self_attn.in_proj_weight, second.self_attn.in_proj_weight)


def test_the_scenario_says_what_it_is_and_it_learns():
    scenario = load_scenario("digits-transformer")
    learner = Learner(scenario, seed=0, device="cpu")
    n_parameters = sum(p.numel() for p in learner.network.parameters())
    assert scenario.update_size_bits == 32 * n_parameters
    assert learner.validation()[0] == pytest.approx(scenario.initial_loss_gap, abs=0.3)
    for m in range(300):
        learner.pretrain(m, 32)
    assert learner.measure(learner.data.server)[1] > 0.95
