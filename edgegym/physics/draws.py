"""One door for randomness: generators keyed by what they are for."""

from enum import IntEnum

import numpy as np

WORD = 2**32 - 1


class Stream(IntEnum):
    """What a generator is for, the first part of its key."""

    PRETRAIN_BATCH = 0
    FINETUNE_BATCH = 1
    UPLINK = 2
    DOWNLINK = 3
    WEIGHTS = 4
    ACTION = 5
    CALIBRATION = 6
    STRAGGLER = 7
    PARTICIPATION = 8
    DROPOUT = 9
    COMPRESSION = 10


def keyed_generator(
    seed: int, stream: Stream, round_index: int = 0, device: int = 0
) -> np.random.Generator:
    """Make the generator of one purpose, round and device.

    Nothing that is drawn elsewhere moves it, so every policy that plays a seed meets the same
    channels, initial weights and mini-batches. It is that of the child of `SeedSequence(seed)` with
    the rest as spawn key, given in the words that it makes of both, which takes half the time.

    Examples
    --------
    >>> first, again = (keyed_generator(1, Stream.UPLINK, 7).random() for _ in range(2))
    >>> first == again, first == keyed_generator(1, Stream.UPLINK, 8).random()
    (True, False)
    """
    seed = int(seed)
    words = [seed >> bits & WORD for bits in range(0, max(128, seed.bit_length()), 32)]
    words += stream, round_index, device
    sequence = np.random.SeedSequence(np.array(words, dtype=np.uint32))
    return np.random.Generator(np.random.PCG64(sequence))
