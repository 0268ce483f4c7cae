"""What is decided each round, and in which stage."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array


class Stage(IntEnum):
    """Where the lifecycle is; a number, so that vector environments can stack it."""

    PRETRAIN = 0
    FINETUNE = 1
    DONE = 2


class Decision(NamedTuple):
    """What one action asks for, in physical units."""

    advance: bool
    server_batch_size: int
    server_clock_hz: float
    batch_size: Array  # (K,)
    clock_hz: Array  # (K,)
    tx_power_w: Array  # (K,)


class Decisions(NamedTuple):
    """What the actions of many copies ask for, in physical units."""

    advance: NDArray[np.bool_]  # (C,)
    server_batch_size: Array  # (C,), whole numbers
    server_clock_hz: Array  # (C,)
    batch_size: Array  # (C, K), whole numbers
    clock_hz: Array  # (C, K)
    tx_power_w: Array  # (C, K)
