import numpy as np
import pytest
from split_problems import BERT_BASE, DEFAULT

from edgegym.learning.making import make_network
from edgegym.learning.splitting import split
from edgegym.systems.split.halves import (
    back_flop,
    crossing_bits,
    front_flop,
    front_memory_bytes,
    front_parameters,
    layer_flop,
    layer_parameters,
    network_parameters,
)

LAYERS = np.arange(1, 13)


def test_bert_base_has_its_parameters():
    assert network_parameters(BERT_BASE) == 109_482_240
    assert layer_parameters(BERT_BASE) == 7_087_872
    assert layer_flop(BERT_BASE) == pytest.approx(14.55e6, rel=1e-3)  # a token at L = 128


def test_what_crosses_is_less_by_width_over_rank_exactly():
    plain, thin = (float(crossing_bits(BERT_BASE, 6, rank, 32)) for rank in (0, 8))
    assert plain / thin == 96
    assert plain / 8 == pytest.approx(12.58e6, rel=1e-3)  # MNLI's row in the note, bytes
    assert thin / 8 == pytest.approx(131.1e3, rel=1e-3)
    assert crossing_bits(BERT_BASE, 6, 768, 32) == plain


def test_at_full_rank_both_halves_compute_more_by_the_three_factors_alone():
    h, f, tokens = 768, 3072, 128
    both = front_flop(BERT_BASE, LAYERS, 768) + back_flop(BERT_BASE, LAYERS, 768)
    unsplit = front_flop(BERT_BASE, 13, 0)
    three = 2 * (h * 768 + 768**2 + 768 * f) - 2 * h * f
    np.testing.assert_allclose(both - unsplit, tokens * three, rtol=1e-9)
    plain = front_flop(BERT_BASE, LAYERS, 0) + back_flop(BERT_BASE, LAYERS, 0)
    np.testing.assert_allclose(plain, unsplit, rtol=1e-12)
    assert back_flop(BERT_BASE, 0, 0) == unsplit


def test_the_first_product_becomes_as_thin_as_the_note_says():
    token = (front_flop(BERT_BASE, 1, 8) + back_flop(BERT_BASE, 1, 8)) / 128
    token -= (front_flop(BERT_BASE, 1, 0) + back_flop(BERT_BASE, 1, 0)) / 128 - 4.718592e6
    assert float(token) == pytest.approx(0.062e6, rel=0.02)


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
@pytest.mark.parametrize("rank", [0, 1, 8])
def test_the_count_is_that_of_the_network_when_it_is_split(layer, rank):
    network = make_network("row-transformer-4", 0, (1, 8, 8), 10)
    assert network_parameters(DEFAULT) == sum(p.numel() for p in network.parameters())
    front, _ = split(network, layer, rank or None)
    assert front_parameters(DEFAULT, layer, rank) == sum(p.numel() for p in front.parameters())


def test_the_count_is_that_of_a_bert_when_it_is_split():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        hidden_size=16, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2
    )
    model = transformers.BertForSequenceClassification(config)
    scenario = BERT_BASE.replace(
        **{"n_layers": 3, "width": 16, "feedforward_width": 64},
        **{"split_layers": [1, 2, 3], "ranks": [1, 4]},
        embedding_parameters=sum(p.numel() for p in model.bert.embeddings.parameters()),
    )
    for layer in (1, 2, 3):
        front, _ = split(model, layer, 4)
        counted = front_parameters(scenario, layer, 4)
        assert counted == sum(p.numel() for p in front.parameters())


def test_memory_and_work_of_the_edge_grow_with_depth_and_those_of_the_cloud_fall():
    for rank in (0, 8):
        assert (np.diff(front_memory_bytes(BERT_BASE, LAYERS, rank, 32)) > 0).all()
        assert (np.diff(front_flop(BERT_BASE, LAYERS, rank)) > 0).all()
        assert (np.diff(back_flop(BERT_BASE, LAYERS, rank)) < 0).all()
    assert front_memory_bytes(BERT_BASE, 0, 0, 32) == 0
