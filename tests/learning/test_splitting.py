import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from edgegym import InputError, learning
from edgegym.learning import decompose, split
from edgegym.learning.making import make_network
from edgegym.learning.transformer import RowTransformer

IDS = torch.tensor([[5, 6, 7, 8, 9, 0, 0], [9, 8, 7, 6, 5, 4, 3]])
MASK = (IDS != 0).long()
SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
TEXT = {**SIZES, "intermediate_size": 32, "vocab_size": 30, "num_labels": 3}
CASES = [(1, 4), (2, 1), (3, 16), (2, None)]


def bert(**changes):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(**TEXT | changes)
    return transformers.BertForSequenceClassification(config), (IDS,)


def roberta():
    transformers = pytest.importorskip("transformers")
    config = transformers.RobertaConfig(**TEXT, pad_token_id=0, max_position_embeddings=20)
    return transformers.RobertaForSequenceClassification(config), (IDS,)


def distilbert():
    transformers = pytest.importorskip("transformers")
    config = transformers.DistilBertConfig(
        dim=16, n_layers=3, n_heads=2, hidden_dim=32, vocab_size=30, num_labels=3
    )
    return transformers.DistilBertForSequenceClassification(config), (IDS,)


def vit():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        **SIZES, intermediate_size=32, image_size=8, patch_size=4, num_labels=3
    )
    return transformers.ViTForImageClassification(config), (torch.randn(2, 3, 8, 8),)


HUGGING_FACE = {"bert": bert, "roberta": roberta, "distilbert": distilbert, "vit": vit}


def encoder(norm_first):
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=norm_first)
    return nn.TransformerEncoder(layer, 3, norm=nn.LayerNorm(16), enable_nested_tensor=False)


def same_parameters(halves, whole):
    """Every parameter of the whole is in one half, and in one alone."""
    front, back = ({id(p): p for p in half.parameters()} for half in halves)
    assert not front.keys() & back.keys()
    assert sizes([*front.values(), *back.values()]) == sizes(whole.parameters())


def sizes(parameters):
    return sorted((tuple(p.shape), p.detach().sum().item()) for p in parameters)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", HUGGING_FACE)
@pytest.mark.parametrize(("layer", "rank"), CASES)
@pytest.mark.parametrize("keep_residual", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_both_halves_give_the_logits_of_the_unsplit_replacement(
    kind, layer, rank, keep_residual, training
):
    model, inputs = HUGGING_FACE[kind]()
    model.train(training)
    masks = {} if kind == "vit" else {"attention_mask": MASK}
    halves = split(model, layer, rank, keep_residual=keep_residual)
    whole = decompose(model, layer, rank, keep_residual=keep_residual)
    same_parameters(halves, whole)
    torch.manual_seed(1)  # of dropout
    crossed = halves.front(*inputs, **masks)
    got = halves.back(crossed, **masks)
    torch.manual_seed(1)
    assert torch.equal(got, whole(*inputs, **masks).logits)
    width = 16 if rank is None else rank + 16 * keep_residual
    assert crossed.shape[-1] == width and got.shape == (2, 3)


@pytest.mark.parametrize("kind", HUGGING_FACE)
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_at_full_rank_with_the_residual_the_model_is_what_it_was(kind, layer):
    model, inputs = HUGGING_FACE[kind]()
    masks = {} if kind == "vit" else {"attention_mask": MASK}
    model.eval()
    before = copy.deepcopy(model.state_dict())
    front, back = split(model, layer, 16, keep_residual=True)
    plain = split(model, layer, None)
    with torch.no_grad():
        wanted = model(*inputs, **masks).logits
        torch.testing.assert_close(back(front(*inputs, **masks), **masks), wanted)
        assert torch.equal(plain.back(plain.front(*inputs, **masks), **masks), wanted)
        without = split(model, layer, 16)
        lost = without.back(without.front(*inputs, **masks), **masks)
    assert not torch.allclose(lost, wanted, atol=1e-3)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_a_mask_is_carried_along_both_halves(kind):
    model, _ = HUGGING_FACE[kind]()
    front, back = split(model.eval(), 2, 4)
    other = IDS.clone()
    other[0, 5:] = torch.tensor([11, 12])  # where the mask is 0
    with torch.no_grad():
        one, two = (front(ids, attention_mask=MASK) for ids in (IDS, other))
        torch.testing.assert_close(one[:, :5], two[:, :5])
        crossed = one.clone()
        crossed[0, 5:] = 7.0
        torch.testing.assert_close(
            back(one, attention_mask=MASK), back(crossed, attention_mask=MASK)
        )
        assert not torch.allclose(back(one), back(crossed), atol=1e-5)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize(("layer", "rank"), CASES)
@pytest.mark.parametrize("keep_residual", [False, True])
def test_an_encoder_is_split_with_its_masks(norm_first, layer, rank, keep_residual):
    model = encoder(norm_first).eval()
    padding = MASK == 0
    values = torch.randn(2, 7, 16)
    halves = split(model, layer, rank, keep_residual=keep_residual)
    whole = decompose(model, layer, rank, keep_residual=keep_residual)
    same_parameters(halves, whole)
    masks = {"src_key_padding_mask": padding}
    with torch.no_grad():
        got = halves.back(halves.front(values, **masks), **masks)
        assert torch.equal(got, whole(values, **masks))
        if rank is None or (rank == 16 and keep_residual):
            torch.testing.assert_close(got[~padding], model(values, **masks)[~padding])
        else:
            assert not torch.allclose(got, model(values, **masks), atol=1e-2)


@pytest.mark.parametrize(("layer", "rank"), [(1, 2), (4, 32), (3, None)])
def test_a_model_around_an_encoder_is_followed(layer, rank):
    model = make_network("row-transformer-4", 3, (1, 8, 8), 10)
    images = torch.randn(5, 1, 8, 8)
    halves, whole = split(model, layer, rank), decompose(model, layer, rank)
    same_parameters(halves, whole)
    crossed = halves.front(images)
    assert crossed.shape == (5, 8, 32 if rank is None else rank)
    assert torch.equal(halves.back(crossed), whole(images))
    if rank is None:
        torch.testing.assert_close(whole(images), model(images))
    again = pickle.loads(pickle.dumps(halves.front))
    assert torch.equal(again(images), crossed)


def test_gradients_of_both_halves_are_those_of_the_whole():
    model = make_network("row-transformer-4", 3, (1, 8, 8), 10)
    images, labels = torch.randn(6, 1, 8, 8), torch.arange(6)
    (front, back), whole = split(model, 2, 4), decompose(model, 2, 4)
    crossed = front(images)
    received = crossed.detach().requires_grad_()
    cross_entropy(back(received), labels).backward()
    crossed.backward(received.grad)
    cross_entropy(whole(images), labels).backward()
    got = sorted(p.grad.norm().item() for p in (*front.parameters(), *back.parameters()))
    assert got == sorted(p.grad.norm().item() for p in whole.parameters())


@pytest.mark.parametrize("kind", [{"device": "meta"}, {"dtype": torch.float64}])
def test_the_halves_are_where_the_model_is_and_of_its_precision(kind):
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, **kind)
    model = nn.TransformerEncoder(layer, 3)
    made = {(p.device, p.dtype) for half in split(model, 2, 1) for p in half.parameters()}
    assert made == {(p.device, p.dtype) for p in model.parameters()}


def test_the_decomposition_is_the_best_of_its_rank():
    model = RowTransformer((1, 8, 8), 10)
    weight = model.encoder.layers[1].linear1.weight.detach()
    front, back = split(model, 2, 3)
    v, s = (p.weight.detach() for p in front.get_submodule("encoder.layers.1.narrow"))
    u = back.get_submodule("encoder.layers.0.first")
    assert torch.count_nonzero(s - torch.diag(torch.diag(s))) == 0
    left = torch.linalg.svdvals(weight)[3:]
    lost = torch.linalg.matrix_norm(weight - u.weight.detach() @ s @ v)
    torch.testing.assert_close(lost, torch.linalg.vector_norm(left))
    assert torch.equal(u.bias, model.encoder.layers[1].linear1.bias)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = encoder(True), encoder(True)

    def forward(self, values):
        return self.second(self.first(values))


class LooksBack(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = encoder(True)

    def forward(self, values):
        return self.encoder(values) + values


@pytest.mark.parametrize(
    ("model", "how", "message"),
    [
        (nn.Linear(2, 2), (1, 1), "one stack of layers, .* got 0 in Linear"),
        (Two(), (1, 1), "one stack of layers, .* got 2 in Two"),
        (LooksBack(), (1, 1), "use its output alone; got LooksBack, .* values after its encoder"),
        (encoder(True), (4, 1), "layer must be at most 3, as many as the model has; got 4"),
        (encoder(True), (0, 1), "layer must be"),
        (encoder(True), (1, 17), "rank must be at most 16, .* got 17"),
        (encoder(True), (1, 0), "rank must be"),
    ],
)
def test_what_cannot_be_split_is_said(model, how, message):
    with pytest.raises(InputError, match=message):
        split(model, *how)


def test_a_layer_of_another_kind_is_refused():
    model = nn.Module()
    model.layers = nn.ModuleList([nn.Linear(2, 2)])
    with pytest.raises(InputError, match=r"layers of BERT, .* got Linear"):
        split(model, 1, 1)


def test_it_is_found_where_it_is_promised():
    assert learning.split is split
