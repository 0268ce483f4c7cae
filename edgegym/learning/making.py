"""Networks are made of a name, or a factory, and a seed, and tried before they are trained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgegym.errors import InputError
from edgegym.learning.networks import Shape
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.scenario.catalogue import find_network
from edgegym.systems.system import imported


def make_network(
    name: str,
    seed: int,
    shape: Shape | None = None,
    n_classes: int = 10,
    data_dir: Path | None = None,
) -> nn.Module:
    """Make a network whose initial weights depend on the seed alone.

    Parameters
    ----------
    name : ours, or one that has been registered
    seed : of the weights
    shape : of a sample, channels first; None for the one that it takes
    n_classes : of the labels
    data_dir : folder that holds the weights of one that is pre-trained

    Raises
    ------
    InputError
        If its weights cannot be had, its factory raises, or makes something else.

    Examples
    --------
    >>> first, again = (make_network("lenet", seed=1)[0].weight for _ in range(2))
    >>> torch.equal(first, again)
    True
    """
    known = find_network(name)
    make: Callable[..., Any] = (
        imported(known.factory) if isinstance(known.factory, str) else known.factory
    )
    if known.is_pretrained:
        make = partial(make, data_dir=data_dir)
    return make_by(make, name, seed, shape or known.shape or (), n_classes)


@contextmanager
def seeded(seed: int, part: int = 0) -> Iterator[None]:
    """Draw initial weights that depend on the seed alone.

    torch initialises layers from its global generator only; the fork leaves that as it was.
    """
    with torch.random.fork_rng(devices=[]):
        weight_seed = int(keyed_generator(seed, Stream.WEIGHTS, part).integers(2**63))
        torch.default_generator.manual_seed(weight_seed)
        yield


def make_by(
    make: Callable[[Shape, int], Any], name: str, seed: int, shape: Shape, n_classes: int
) -> nn.Module:
    """Make a network by its factory; otherwise as `make_network`."""
    with seeded(seed):
        try:
            network = make(shape, n_classes)
        except InputError:
            raise
        except Exception as error:  # a factory of people's own may raise anything
            raise InputError(
                f"network {name!r} must be made by its factory of shape {shape} and {n_classes} "
                f"classes; got {type(error).__name__}: {error}. Correct the factory."
            ) from None
    if not isinstance(network, nn.Module):
        raise InputError(
            f"network {name!r} must be a torch.nn.Module; got {type(network).__name__}. Correct "
            "its factory."
        )
    return network


def try_out(network: nn.Module, name: str, samples: Tensor, n_classes: int) -> None:
    """Let an untrained network pass two samples, and leave it as it was.

    Raises
    ------
    InputError
        If it does not take them, or does not give finite logits for every class.
    """
    was_training = network.training
    network.eval()
    shape = "x".join(map(str, samples.shape[1:]))
    try:
        with torch.no_grad():
            logits = network(samples[:2])
    except Exception as error:  # so may a network
        reason = " ".join(str(error).split())
        raise InputError(
            f"learning.network must take samples of {shape}; got {name!r}, which raises "
            f"{type(error).__name__}: {reason}. Choose another network, or correct it."
        ) from None
    network.train(was_training)
    wanted = (len(samples[:2]), n_classes)
    if not isinstance(logits, Tensor) or logits.shape != wanted or not logits.isfinite().all():
        got = (
            f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        )
        raise InputError(
            f"learning.network must give {n_classes} finite logits for each sample of {shape}; got "
            f"{name!r}, which gives {got} for {len(samples[:2])}. Choose another, or correct it."
        )
