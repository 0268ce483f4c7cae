import pytest
import torch
from split_problems import DEFAULT

from edgegym.learning.split_learner import SplitLearner
from edgegym.learning.split_network import halves_of, logits_of, masks_of


@pytest.fixture(scope="module")
def learner():
    return SplitLearner(DEFAULT, 0, "cpu")


@pytest.mark.parametrize("layer", range(DEFAULT.n_layers + 2))
def test_both_halves_together_are_the_network_wherever_it_is_split(learner, layer):
    samples = learner.data.test.images[:5]
    with torch.no_grad():
        front, back = halves_of(learner.network.eval(), layer, 0, False, DEFAULT.n_layers)
        got = back.eval()(front.eval()(samples))
        assert torch.allclose(got, logits_of(learner.network, samples), atol=1e-5)


@pytest.mark.parametrize(("layer", "one_side"), [(0, 0), (DEFAULT.n_layers + 1, 1)])
def test_the_side_that_is_not_there_has_nothing_to_train(learner, layer, one_side):
    halves = halves_of(learner.network, layer, 0, False, DEFAULT.n_layers)
    assert learner.recipe.adamw(halves[one_side]) is None
    assert learner.recipe.adamw(halves[1 - one_side]) is not None


def test_texts_have_a_mask_and_images_have_none():
    assert masks_of(torch.zeros(2, 3)) == {}
    mask = masks_of(torch.tensor([[5, 7, 0]]))["attention_mask"]
    assert mask.tolist() == [[1, 1, 0]]
