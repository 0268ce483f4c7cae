"""all-MiniLM-L6-v2, a pre-trained encoder of texts, in two parts: frozen below, trained above.

Its lower layers are frozen, so what they make of a text never changes. It is worked out once and
kept; the network that is trained are the upper layers, and its samples are what the lower ones
gave: for each of 32 tokens 384 numbers, in half precision, and zeros where a text is shorter.
Needs transformers, which is imported when it is used.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgegym.errors import InputError

MODEL = "all-MiniLM-L6-v2"
REPOSITORY = f"sentence-transformers/{MODEL}"
#: Its weights, its architecture, and how a text is cut into tokens.
WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
#: Of the published weights.
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: The layers on top that are trained, and the tokens of a text that are read.
N_UPPER, N_TOKENS = 2, 32
#: Texts that pass the lower layers at once: their activations fit a processor's cache.
CHUNK = 32


class UpperLayers(nn.Module):
    """The last layers of an encoder, the mean over a text's tokens, and a head.

    Parameters
    ----------
    layers : take (n, tokens, width) and a mask, (n, 1, 1, tokens), which is true where a token is
    width : of a token
    n_classes : of the head
    """

    def __init__(self, layers: Sequence[nn.Module], width: int, n_classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.head = nn.Linear(width, n_classes)

    def forward(self, lower: Tensor) -> Tensor:
        """Give logits, (n, classes), for what the lower layers made of texts."""
        held = (lower != 0).any(dim=2)
        hidden, mask = lower.float(), held[:, None, None]
        for layer in self.layers:
            hidden = layer(hidden, mask)
        weight = held[:, :, None].to(hidden.dtype)
        return self.head((hidden * weight).sum(dim=1) / weight.sum(dim=1))


def minilm(shape: tuple[int, ...], n_classes: int, data_dir: Path) -> nn.Module:
    """Make the upper layers with their published weights and an untrained head."""
    folder = find_model(data_dir)
    config, n_lower = read_config(folder)
    layers = [_layer(config, folder, index) for index in range(n_lower, n_lower + N_UPPER)]
    return UpperLayers(layers, config.hidden_size, n_classes)


def whole(shape: tuple[int, ...], n_classes: int, data_dir: Path) -> nn.Module:
    """Make the whole network, all of whose layers are trained, with an untrained classifier.

    It takes numbers of tokens and an attention mask, and is of Hugging Face's kind.
    """
    from transformers import BertForSequenceClassification

    folder = find_model(data_dir)
    config, _ = read_config(folder)
    config.num_labels = n_classes
    network = BertForSequenceClassification(config)
    _filled(network.bert, folder, "")
    return network


class TextClassifier(nn.Module):
    """An encoder of Hugging Face's kind, the mean over a text's tokens, and a head.

    Parameters
    ----------
    encoder : takes numbers of tokens and a mask, which is 0 where there is none
    width : of a token
    n_classes : of the head
    """

    def __init__(self, encoder: nn.Module, width: int, n_classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Give logits, (n, classes), for tokens, (n, tokens), 0 where a text is shorter."""
        mask = (tokens != 0).long()
        hidden = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        weight = mask[:, :, None].to(hidden.dtype)
        return self.head((hidden * weight).sum(dim=1) / weight.sum(dim=1))


def classifier(shape: tuple[int, ...], n_classes: int, data_dir: Path) -> nn.Module:
    """Make the whole encoder under a head, as what it was pre-trained for reads the mean."""
    network: Any = whole(shape, n_classes, data_dir)
    network.bert.pooler = None  # which reads the first token alone, and was never trained for that
    return TextClassifier(network.bert, network.config.hidden_size, n_classes)


def cut_to_tokens(texts: Sequence[str], data_dir: Path) -> list[Tensor]:
    """Cut texts into the numbers of their tokens, `N_TOKENS` at most."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(find_model(data_dir) / TOKENIZER))
    tokenizer.enable_truncation(N_TOKENS)
    tokenizer.no_padding()
    return [torch.tensor(encoded.ids) for encoded in tokenizer.encode_batch(list(texts))]


def pass_lower(texts: Sequence[str], data_dir: Path) -> Tensor:
    """Work out what the lower layers make of texts, (n, tokens, width) in half precision."""
    from transformers.models.bert.modeling_bert import BertEmbeddings

    folder = find_model(data_dir)
    config, n_lower = read_config(folder)
    tokens = cut_to_tokens(texts, data_dir)
    embeddings = _filled(BertEmbeddings(config), folder, "embeddings.").eval()
    layers = [_layer(config, folder, index).eval() for index in range(n_lower)]
    lower = torch.zeros(len(texts), N_TOKENS, config.hidden_size, dtype=torch.float16)
    # Texts of one length pass together, and nothing is padded.
    lengths = np.array([len(ids) for ids in tokens])
    with torch.inference_mode():
        for length in np.unique(lengths):
            for places in torch.from_numpy(np.flatnonzero(lengths == length)).split(CHUNK):
                hidden = embeddings(torch.stack([tokens[place] for place in places]))
                for layer in layers:
                    hidden = layer(hidden)
                lower[places, :length] = hidden.half()
    return lower


def find_model(data_dir: Path) -> Path:
    """Find the folder of the model: in the data folder, else in the cache of the Hugging Face hub.

    Raises
    ------
    InputError
        If transformers or the model is missing, or its weights are other ones.
    """
    require_installed()
    from huggingface_hub import try_to_load_from_cache

    folder = data_dir / MODEL
    cached = try_to_load_from_cache(REPOSITORY, WEIGHTS)
    if not (folder / WEIGHTS).is_file() and isinstance(cached, str):
        folder = Path(cached).parent
    lacking = [name for name in (WEIGHTS, CONFIG, TOKENIZER) if not (folder / name).is_file()]
    if lacking:
        raise InputError(
            f"model {MODEL} must lie in {str(data_dir / MODEL)!r} or in the cache of the Hugging "
            f"Face hub; got no {' and no '.join(lacking)}. Get it: edgegym fetch."
        )
    if (got := _digest(folder / WEIGHTS)) != SHA256:
        raise InputError(
            f"file {str(folder / WEIGHTS)!r} must have its published SHA-256, {SHA256[:12]}...; "
            f"got {got[:12]}.... Delete it and get it again: edgegym fetch."
        )
    return folder


def require_installed() -> None:
    """Make sure that transformers is there.

    Raises
    ------
    InputError
        If it is not.
    """
    if find_spec("transformers") is None:
        raise InputError(
            "learning.network minilm must have transformers installed; got none. "
            "Install it: pip install 'edgegym[text]'."
        )


@lru_cache
def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def read_config(folder: Path) -> tuple[Any, int]:
    """Read a model's architecture, without dropout, and the number of its lower layers."""
    from transformers import BertConfig

    config = BertConfig.from_json_file(folder / CONFIG)
    # What dropout draws would not come from the seed.
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config._attn_implementation = "sdpa"
    return config, config.num_hidden_layers - N_UPPER


def _layer(config: Any, folder: Path, index: int) -> nn.Module:
    from transformers.models.bert.modeling_bert import BertLayer

    return _filled(BertLayer(config), folder, f"encoder.layer.{index}.")


def _filled(module: nn.Module, folder: Path, prefix: str) -> nn.Module:
    """Fill a part of the model with its weights, and read no others."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, framework="pt") as weights:
        values = {name: weights.get_tensor(prefix + name) for name in module.state_dict()}
    module.load_state_dict(values)
    return module
