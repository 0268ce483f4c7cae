"""What is decided each round: who takes which block, how the band is shared, and the batch."""

from typing import Any, NamedTuple


class CooperativeDecision(NamedTuple):
    """What an action asks for."""

    block_device: (
        Any  # (..., N) index of the device that takes each block, nearest to the output first
    )
    bandwidth_share: Any  # (..., K); what those without a block have is shared out among the others
    batch_size: Any  # (...) samples of each device, whole; fewer where it cannot hold so many
