"""What is decided each round, and in which stage."""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np


class Stage(IntEnum):
    """Where the lifecycle is; a number, so that vector environments can stack it."""

    PRETRAIN = 0
    FINETUNE = 1
    DONE = 2


#: As what states hold: NumPy is slow with members of an enum, and with Python's numbers.
PRETRAIN, FINETUNE = np.array(Stage.PRETRAIN.value), np.array(Stage.FINETUNE.value)


class Decision(NamedTuple):
    """What an action asks for, in physical units; of many copies along the leading axis."""

    advance: Any  # (...), whether no round is run and the lifecycle moves on
    server_batch_size: Any  # (...) samples, whole numbers
    server_clock_hz: Any  # (...)
    finetune_batch_size: Any  # (..., K) samples, whole numbers
    device_clock_hz: Any  # (..., K)
    device_tx_power_w: Any  # (..., K)
