"""A tiny random BERT and made-up texts stand in for the model and the texts that people rated."""

import hashlib
import sys

import pytest
import torch

from edgegym import load_scenario
from edgegym.errors import InputError
from edgegym.learning import minilm, texts
from edgegym.learning.blocks import blocks_of
from edgegym.learning.learner import Learner
from edgegym.learning.sources import load_raw
from edgegym.learning.stacked import StackedLearner, StackedRound
from edgegym.learning.trainable import changing, count_trained, restrict
from edgegym.scenario.catalogue import DATASETS, NETWORKS, TEXTS, Inputs

WIDTH, TOKENS = 8, minilm.N_TOKENS
TINY = Inputs((TOKENS, WIDTH), 2)
SENTIMENT = load_scenario("minilm-sentiment")
WORDS = {"good": ("lovely", "great", "fine"), "bad": ("awful", "poor", "dull")}
FILLING = ("film", "phone", "very", "it", "was", "a")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Write a tiny encoder and its tokenizer as they lie in a data folder."""
    transformers = pytest.importorskip("transformers")
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path / minilm.MODEL
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS["good"], *WORDS["bad"], *FILLING]
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=TOKENS,
        initializer_range=0.5,
    )
    config.to_json_file(folder / minilm.CONFIG)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.BertModel(config)
    save_file(model.state_dict(), folder / minilm.WEIGHTS)
    digest = hashlib.sha256((folder / minilm.WEIGHTS).read_bytes()).hexdigest()
    ids = {word: place for place, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    tokenizer.save(str(folder / minilm.TOKENIZER))
    monkeypatch.setattr(minilm, "SHA256", digest)
    monkeypatch.setitem(NETWORKS, "minilm", NETWORKS["minilm"]._replace(shape=TINY.shape))
    for name in TEXTS:
        held = DATASETS[name]._replace(inputs=TINY, n_samples=None)
        monkeypatch.setitem(DATASETS, name, held)
    return model.eval()


def write_texts(folder, rows, name="tweets"):
    (folder / texts.FOLDER).mkdir(exist_ok=True)
    lines = [f"{number}\t{rating}\t{text}" for number, (rating, text) in enumerate(rows)]
    file = folder / texts.FOLDER / texts.file_name(name)
    file.write_bytes("\r\n".join(lines).encode())
    return file


def rated(n):
    """Make up so many good and bad texts of several lengths."""
    rng = torch.Generator().manual_seed(n)
    rows = []
    for i in range(2 * n):
        words = WORDS["good" if i % 2 else "bad"]
        length = int(torch.randint(2, 12, (), generator=rng))
        drawn = torch.randint(6, (length, 2), generator=rng).tolist()
        text = [words[a % 3] if a % 2 else FILLING[b] for a, b in drawn] + [words[i % 3], f"x{i}"]
        rows.append((2.0 if i % 2 else -2.0, " ".join(text)))
    return rows


@pytest.fixture
def scenario(tiny, tmp_path):
    for name in TEXTS.values():
        write_texts(tmp_path, rated(60), name)
    counts = {"n_server_samples": 100, "n_device_samples": 60, "n_validation_samples": 30}
    changes = {f"learning.{key}": n for key, n in (counts | {"n_test_samples": 30}).items()}
    return SENTIMENT.replace(**changes, learning_rate=0.03)


def make_learner(scenario, tmp_path, seed=0):
    pytest.importorskip("peft")
    return Learner(scenario, seed, "cpu", tmp_path)


def test_both_parts_together_are_the_whole_encoder(tiny, tmp_path):
    from tokenizers import Tokenizer

    words = [text for _, text in rated(8)]
    lower = minilm.pass_lower(words, tmp_path)
    upper = minilm.minilm(TINY.shape, 2, tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / minilm.MODEL / minilm.TOKENIZER))
    with torch.no_grad():
        for text, logits in zip(words, upper(lower), strict=True):
            ids = torch.tensor([tokenizer.encode(text).ids])
            hidden = tiny(input_ids=ids).last_hidden_state
            # What is kept in half precision is true to a thousandth.
            assert torch.allclose(upper.head(hidden.mean(dim=1))[0], logits, rtol=0, atol=5e-3)


def test_a_text_is_cut_where_it_is_too_long(tiny, tmp_path):
    lower = minilm.pass_lower(["good " * 100, "good"], tmp_path)
    n_tokens = (lower != 0).any(dim=2).sum(dim=1).tolist()
    assert (lower.shape, n_tokens) == ((2, *TINY.shape), [TOKENS, 3])


def test_a_text_does_not_depend_on_those_beside_it(tiny, tmp_path):
    lower = minilm.pass_lower(["great", "awful " * 20], tmp_path)
    upper = minilm.minilm(TINY.shape, 2, tmp_path)
    with torch.no_grad():
        assert torch.allclose(upper(lower)[:1], upper(lower[:1]), rtol=0, atol=1e-6)


def test_it_learns_over_both_stages_what_it_sends(scenario, tmp_path):
    learner = make_learner(scenario, tmp_path)
    before, _ = learner.validation()
    for n in range(30):
        learner.pretrain(n, 16)
    between, _ = learner.validation()
    for n in range(30):
        learner.finetune(n, [8, 8, 8])
    after, _ = learner.validation()
    assert before > between > after
    n_sent = sum(values.numel() for values in changing(learner.network).values())
    assert n_sent == count_trained(scenario.learning, tmp_path)
    assert n_sent == 2 * 2 * 2 * 8 * WIDTH + 2 * WIDTH + 2


def test_the_same_seed_learns_the_same(scenario, tmp_path):
    first, again, other = (make_learner(scenario, tmp_path, seed) for seed in (1, 1, 2))
    losses = [[learner.pretrain(n, 8) for n in range(3)] for learner in (first, again, other)]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # attention, one copy at a time
def test_stacked_networks_are_trained_like_one_alone(scenario, tmp_path):
    alone = make_learner(scenario, tmp_path)
    stacked = StackedLearner(scenario, 2, "cpu", tmp_path)
    stacked.begin([0, 1], seeds=[0, 1])
    for n in range(3):
        losses = stacked.train([StackedRound(copy, True, n, [4, 2, 3]) for copy in (0, 1)])
        assert losses[0] == pytest.approx(alone.finetune(n, [4, 2, 3]), rel=1e-4)


def test_the_update_of_the_shipped_scenario_is_that_of_the_published_model():
    assert SENTIMENT.update_bits == 32 * (2 * 2 * 2 * 8 * 384 + 2 * 384 + 2)


def test_lower_layers_are_passed_once(scenario, tmp_path, monkeypatch):
    first = load_raw("tweets", tmp_path).train
    monkeypatch.setattr(texts, "pass_lower", None)
    again = load_raw("tweets", tmp_path).train
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)


def test_what_was_kept_and_is_damaged_is_made_again(scenario, tmp_path):
    first = load_raw("tweets", tmp_path).train
    (kept,) = tmp_path.glob("*/tweets-*.safetensors")
    kept.write_bytes(kept.read_bytes()[:100])
    assert torch.equal(load_raw("tweets", tmp_path).train.images, first.images)


def test_as_many_good_as_bad_texts_are_read_and_each_once(tmp_path, monkeypatch):
    rows = [(3.0, "Good &amp; cheap"), (2.0, " good & CHEAP "), (0.4, "so so"), (1.0, "nice")]
    write_texts(tmp_path, [*rows, (2.5, "best"), (-1.0, "bad"), (-3.0, "worst"), (-0.1, "meh")])
    read, labels = texts.read_texts(tmp_path, "tweets")
    assert (sorted(labels), set(read) & {"bad", "worst"}) == ([0, 0, 1, 1], {"bad", "worst"})
    assert set(read) < {"good & CHEAP", "nice", "best", "bad", "worst"}
    monkeypatch.setattr(texts, "MAX_TEXTS", 2)
    assert sorted(texts.read_texts(tmp_path, "tweets")[1]) == [0, 1]


@pytest.mark.parametrize("row", ["1\t2.0", "1\tgood\tfilm", "1\t1.0\ta\tb"])
def test_other_texts_are_named(tmp_path, row):
    write_texts(tmp_path, []).write_text(row)
    with pytest.raises(InputError, match=r"tweets_GroundTruth\.txt' must hold a number, .*; got"):
        texts.read_texts(tmp_path, "tweets")


def test_where_texts_are_missing_it_is_said_how_to_get_them(tiny, tmp_path):
    with pytest.raises(InputError, match=r"texts must lie in .*; got none\. .* edgegym fetch"):
        load_raw("tweets", tmp_path)


def test_where_the_model_is_missing_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *names: None)
    with pytest.raises(InputError, match=r"got no model\.safetensors and no .* edgegym fetch"):
        minilm.find_model(tmp_path)


def test_other_weights_are_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    with pytest.raises(InputError, match=r"must have its published SHA-256, 0000.*; got"):
        minilm.find_model(tmp_path)


def test_the_model_is_found_in_the_cache_of_the_hub(tiny, tmp_path, monkeypatch):
    cached = tmp_path / minilm.MODEL
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda *names: str(cached / minilm.WEIGHTS)
    )
    assert minilm.find_model(tmp_path / "elsewhere") == cached


def test_where_transformers_is_missing_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"transformers installed; .*'edgegym\[text\]'"):
        Learner(SENTIMENT, 0, "cpu", tmp_path)


def test_the_costs_of_the_cooperative_scenario_rise_as_measured():
    """The numbers of a prototype: 0.55 to 3.01 MB of a sample, linear in depth."""
    kept = load_scenario("cooperative-minilm").activation_bytes_per_sample / 1e6
    assert kept.tolist() == pytest.approx([0.55, 1.04, 1.53, 2.03, 2.52, 3.01], abs=0.006)


def test_the_whole_network_takes_tokens_alone_and_has_a_block_for_each_layer(tiny, tmp_path):
    pytest.importorskip("peft")
    network = restrict(minilm.classifier((TOKENS,), 2, tmp_path), "lora:2", seed=0)
    tokens = torch.zeros(2, TOKENS, dtype=torch.int64)
    tokens[0, :4], tokens[1, :9] = 5, 6
    logits = network(tokens)
    # What stands behind a shorter text does not count.
    hidden = network.encoder(input_ids=tokens[:1, :4]).last_hidden_state
    alone = network.head(hidden.mean(dim=1))
    assert torch.allclose(logits[:1], alone, rtol=0, atol=1e-5)
    low_rank = 2 * 2 * 2 * WIDTH  # two projections, two matrices of rank 2 each
    sizes = [sum(p.numel() for p in block) for block in blocks_of(network)]
    assert sizes == [low_rank + 2 * WIDTH + 2, *[low_rank] * 3]
