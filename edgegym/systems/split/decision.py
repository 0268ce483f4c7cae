"""What is decided: where the network is split, once, and every round the batch and the shares."""

from typing import Any, NamedTuple


class SplitDecision(NamedTuple):
    """What an action asks for; layer and rank count in an episode's first round alone."""

    layer: Any  # (...) split layer; 0 is all in the cloud, one above the last all on the edge
    rank: Any  # (...) numbers of a token that cross the link; 0 is the whole hidden state
    batch_size: Any  # (...) samples of each device
    uplink_share: Any  # (..., K)
    downlink_share: Any  # (..., K)
