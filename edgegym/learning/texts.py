"""Texts that people have rated: movie reviews, tweets and product reviews, good or bad.

They are those of Hutto and Gilbert, *VADER: A parsimonious rule-based model for sentiment analysis
of social media text*, ICWSM 2014. Twenty people rated each from -4 to 4. Those whose mean is near
zero are left out, and as many good as bad ones are kept.
"""

import html
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples
from edgegym.learning.minilm import MODEL, N_TOKENS, cut_to_tokens, pass_lower, require_installed
from edgegym.learning.sources import RawData

FOLDER = "hutto_ICWSM_2014"
#: Mean ratings nearer to zero are neither good nor bad.
CLEAR_RATING = 0.5
#: What the lower layers make of so many takes 64 MB.
MAX_TEXTS = 2600


def load_texts(data_dir: Path, name: str) -> RawData:
    """Load rated texts as what MiniLM's lower layers make of them, which is worked out once.

    Parameters
    ----------
    data_dir : holds texts and model; what the lower layers made is kept there as well
    name : the first part of the file's name

    Raises
    ------
    InputError
        If transformers, the model or the texts are missing.
    """
    require_installed()
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    kept = data_dir / f"{MODEL}-activations" / f"{name}-{N_TOKENS}-tokens.safetensors"
    unreadable = (OSError, SafetensorError, KeyError)
    with suppress(*unreadable):
        return _as_data(load_file(kept))
    texts, labels = read_texts(data_dir, name)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        with suppress(*unreadable):  # if another process was here meanwhile
            return _as_data(load_file(kept))
        made = {"lower": pass_lower(texts, data_dir), "labels": torch.tensor(labels)}
        incoming = kept.with_suffix(".incoming")
        save_file(made, incoming)
        incoming.chmod(0o644)  # safetensors lets nobody else read it
        incoming.replace(kept)
    return _as_data(made)


def load_tokens(data_dir: Path, name: str) -> RawData:
    """Load rated texts as the numbers of their tokens, (n, tokens), 0 where a text is shorter."""
    texts, labels = read_texts(data_dir, name)
    tokens = torch.zeros(len(texts), N_TOKENS, dtype=torch.int64)
    for row, numbers in zip(tokens, cut_to_tokens(texts, data_dir), strict=True):
        row[: len(numbers)] = numbers
    return RawData(Samples(tokens, torch.tensor(labels)), None)


def file_name(name: str) -> str:
    """Name the file that holds texts with their ratings."""
    return f"{name}_GroundTruth.txt"


def _as_data(made: dict[str, torch.Tensor]) -> RawData:
    return RawData(Samples(made["lower"], made["labels"]), None)


def read_texts(data_dir: Path, name: str) -> tuple[list[str], list[int]]:
    """Read as many good as bad texts, each once, with their labels: 1 is good.

    Raises
    ------
    InputError
        If they do not lie there, or are something else.
    """
    file = data_dir / FOLDER / file_name(name)
    try:
        rows = [line.split("\t") for line in file.read_bytes().decode().split("\r\n")]
        rated = [(html.unescape(text).strip(), float(mean)) for _, mean, text in rows]
    except OSError:
        raise InputError(
            f"texts must lie in {str(file)!r}; got none. Get them: edgegym fetch."
        ) from None
    except ValueError as error:
        raise InputError(
            f"file {str(file)!r} must hold a number, a mean rating and a text in each line; got "
            f"{error}. Delete it and get it again: edgegym fetch."
        ) from None
    different = {text.lower(): (text, mean) for text, mean in rated}
    clear = [(text, mean) for text, mean in different.values() if abs(mean) >= CLEAR_RATING]
    good = np.array([mean > 0 for _, mean in clear])
    order = np.random.default_rng(0).permutation(len(clear))
    n_each = min(good.sum(), (~good).sum(), MAX_TEXTS // 2)
    chosen = [int(i) for kind in (good, ~good) for i in order[kind[order]][:n_each]]
    return [clear[i][0] for i in chosen], [int(good[i]) for i in chosen]
