"""Mini-batches: drawn by a key, so that whatever else is drawn moves none of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgegym.learning.datasets import TaskData
from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator


def draw_index(
    seed: int, stream: Stream, round_index: int, device: int, n_samples: int, size: int
) -> NDArray[np.int64]:
    """Draw a mini-batch with replacement: a larger one begins with the smaller one.

    Examples
    --------
    >>> small, large = (draw_index(1, Stream.PRETRAIN_BATCH, 0, 0, 700, size) for size in (2, 8))
    >>> bool((small == large[:2]).all())
    True
    """
    return keyed_generator(seed, stream, round_index, device).integers(n_samples, size=size)


def draw_round(
    data: TaskData,
    seed: int,
    finetuning: bool,
    round_index: int,
    batch_sizes: Sequence[int] | Array,
) -> list[NDArray[np.int64]]:
    """Draw the mini-batches of a round, as places in the pool.

    Parameters
    ----------
    data : who holds what
    seed, round_index : of the draws
    finetuning : whether the devices train, or the server
    batch_sizes : (K,) of every device, or (1,) of the server
    """
    stream = Stream.FINETUNE_BATCH if finetuning else Stream.PRETRAIN_BATCH
    holders = data.places[1:] if finetuning else data.places[:1]
    return [
        held.start + draw_index(seed, stream, round_index, k, len(held), int(size))
        for k, (held, size) in enumerate(zip(holders, batch_sizes, strict=True))
    ]
