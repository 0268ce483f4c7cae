"""The networks and data sets that a scenario can name: ours, and those that people register."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from edgegym.errors import InputError

#: Data sets of torchvision that are loaded by their name.
TORCHVISION = (
    *("CIFAR100", "Country211", "DTD", "EMNIST", "EuroSAT", "FGVCAircraft", "FashionMNIST"),
    *("Flowers102", "Food101", "GTSRB", "KMNIST", "OxfordIIITPet", "QMNIST", "RenderedSST2"),
    *("STL10", "SUN397", "SVHN", "StanfordCars", "USPS"),
)


class Inputs(NamedTuple):
    """What a network takes, or a data set holds: numbers of a shape, with a label."""

    shape: tuple[int, ...]  # of one sample, channels first
    n_classes: int

    def __str__(self) -> str:
        return f"samples of {'x'.join(map(str, self.shape))} in {self.n_classes} classes"


class Network(NamedTuple):
    """A network that has a name."""

    factory: str | Callable[[tuple[int, ...], int], Any]  # "module:function", or the function
    shape: tuple[int, ...] | None = None  # of a sample; None where it must be tried
    is_pretrained: bool = False  # the factory takes the data folder as well, where its weights lie


class Dataset(NamedTuple):
    """A data set that has a name; what is None is known when it has been loaded."""

    loader: str | Callable[..., Any]  # "module:function", or the function
    arguments: tuple[str, ...] = ()  # that the loader takes after the data folder
    inputs: Inputs | None = None
    n_samples: int | None = None
    n_test_samples: int | None = None  # of a test set of its own; None where it has none
    pixel_statistics: tuple[float, float] | None = None  # mean and deviation, over all channels


GREY, COLOUR = Inputs((1, 28, 28), 10), Inputs((3, 32, 32), 10)
#: What the frozen layers of MiniLM make of a text: numbers of each token; good or bad.
LOWER = Inputs((32, 384), 2)
#: Numbers of a text's tokens, 0 where it is shorter; good or bad.
TOKENS = Inputs((32,), 2)
_IMAGES, _FILES = "edgegym.learning.images", "edgegym.learning.files"
#: Rated texts and what their files are called.
TEXTS = {
    "movie-snippets": "movieReviewSnippets",
    "tweets": "tweets",
    "amazon-snippets": "amazonReviewSnippets",
}


def _texts(name: str, n_texts: int) -> Dataset:
    """Texts pass the frozen layers when they are loaded; what comes out is not scaled."""
    loader = "edgegym.learning.texts:load_texts"
    return Dataset(loader, (TEXTS[name],), LOWER, n_texts, None, (0.0, 1.0))


def _tokens(name: str, n_texts: int) -> Dataset:
    """Texts as the tokens that a whole network reads."""
    loader = "edgegym.learning.texts:load_tokens"
    return Dataset(loader, (TEXTS[name],), TOKENS, n_texts, None, (0.0, 1.0))


NETWORKS: dict[str, Network] = {
    "lenet": Network("edgegym.learning.networks:lenet", GREY.shape),
    "googlenet": Network("edgegym.learning.networks:googlenet", COLOUR.shape),
    "googlenet-narrow": Network("edgegym.learning.networks:googlenet_narrow", COLOUR.shape),
    "row-transformer": Network("edgegym.learning.transformer:RowTransformer"),
    "row-transformer-4": Network("edgegym.learning.transformer:four_layers"),
    "row-transformer-6": Network("edgegym.learning.transformer:six_layers"),
    "minilm": Network("edgegym.learning.minilm:minilm", LOWER.shape, is_pretrained=True),
    "minilm-6": Network("edgegym.learning.minilm:classifier", TOKENS.shape, is_pretrained=True),
    "minilm-whole": Network("edgegym.learning.minilm:whole", TOKENS.shape, is_pretrained=True),
}
DATASETS: dict[str, Dataset] = {
    "digits": Dataset(f"{_IMAGES}:load_digits", (), GREY, 1797, None, (0.3049, 0.3245)),
    "digits-8x8": Dataset(
        f"{_IMAGES}:load_small_digits", (), Inputs((1, 8, 8), 10), 1797, None, (0.3053, 0.3761)
    ),
    "mnist": Dataset(f"{_IMAGES}:load_mnist", (), GREY, 60_000, 10_000, (0.1307, 0.3081)),
    "cifar10": Dataset(f"{_IMAGES}:load_cifar10", (), COLOUR, 50_000, 10_000, (0.4733, 0.2516)),
    # The part for training, without CIFAR-10's 20,000; scaled by CIFAR-10's statistics, so that the
    # network's inputs keep their scale from one stage to the next.
    "cinic10": Dataset(f"{_IMAGES}:load_cinic10", (), COLOUR, 70_000, None, (0.4733, 0.2516)),
    "movie-snippets": _texts("movie-snippets", 2600),
    "tweets": _texts("tweets", 2114),
    "amazon-snippets": _texts("amazon-snippets", 2466),
    "tweets-tokens": _tokens("tweets", 2114),
}
SHIPPED = {*NETWORKS, *DATASETS}


def register_network(name: str, factory: Callable[[tuple[int, ...], int], Any]) -> None:
    """Give a network a name that scenarios can use: `learning.network = "NAME"`.

    Parameters
    ----------
    name : a name that none of ours has
    factory : makes an untrained `torch.nn.Module` of the shape of a sample, channels first, and the
        number of classes; its weights may depend on torch's global generator alone

    Raises
    ------
    InputError
        If the name is ours or the factory cannot be called.

    Examples
    --------
    >>> from torch import nn
    >>> def linear(shape, n_classes):
    ...     return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], n_classes))
    >>> register_network("linear", linear)
    """
    _take(NETWORKS, "network", name, factory)
    NETWORKS[name] = Network(factory)


def register_dataset(name: str, loader: Callable[..., Any]) -> None:
    """Give a data set a name that scenarios can use: `learning.finetune_dataset = "NAME"`.

    Parameters
    ----------
    name : a name that none of ours has
    loader : given the data folder, a `pathlib.Path`, it gives arrays or tensors: samples and
        labels, and those of a test set after them where there is one

    Raises
    ------
    InputError
        If the name is ours or the loader cannot be called.

    Examples
    --------
    >>> import numpy as np
    >>> def two_points(data_dir):
    ...     return np.array([[0.0], [1.0]] * 50), np.array([0, 1] * 50)
    >>> register_dataset("two-points", two_points)
    """
    _take(DATASETS, "data set", name, loader)
    DATASETS[name] = Dataset(loader)


def _take(names: Mapping[str, Any], kind: str, name: Any, function: Any) -> None:
    if not isinstance(name, str) or not name or ":" in name or name in SHIPPED:
        raise InputError(
            f"name must be that of a {kind} of your own, without a colon; got {name!r}. "
            "Choose another."
        )
    if not callable(function):
        raise InputError(
            f"{kind} {name!r} must come with a function that makes it; got {function!r}. Give one."
        )


def find_network(name: str) -> Network:
    """Look up a network.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in NETWORKS:
        raise ValueError(
            f"learning.network must be one of {', '.join(NETWORKS)}, or registered by a module "
            f"that is imported first (--import MODULE); got {name!r}"
        )
    return NETWORKS[name]


def find_dataset(name: str) -> Dataset:
    """Look up a data set: by its name, torchvision's too, or "npz:FILE" or "folder:DIR".

    Raises
    ------
    ValueError
        If there is none of this name.

    Examples
    --------
    >>> find_dataset("npz:mine.npz").arguments, find_dataset("digits").n_samples
    (('mine.npz',), 1797)
    """
    kind, _, path = name.partition(":")
    if path and kind in ("npz", "folder"):
        return Dataset(f"{_FILES}:load_{kind}", (path,))
    if name in TORCHVISION:
        return Dataset(f"{_FILES}:load_torchvision", (name,))
    if name not in DATASETS:
        raise ValueError(
            f"a data set must be one of {', '.join(DATASETS)}, npz:FILE, folder:DIR, one of "
            "torchvision's by its name, or registered by a module that is imported first "
            f"(--import MODULE); got {name!r}"
        )
    return DATASETS[name]
