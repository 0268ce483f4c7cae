"""What is decided each round: who takes how many parameters and how much of the band."""

from typing import Any, NamedTuple


class CommonDecision(NamedTuple):
    """What an action asks for where a worker has the same share of both bands."""

    block_size: Any  # (..., N) parameters, whole numbers
    bandwidth_share: Any  # (..., K)

    @property
    def downlink_share(self) -> Any:
        """The one share."""
        return self.bandwidth_share

    @property
    def uplink_share(self) -> Any:
        """The one share."""
        return self.bandwidth_share


class SeparateDecision(NamedTuple):
    """What an action asks for where a worker has a share of each band."""

    block_size: Any  # (..., N) parameters, whole numbers
    downlink_share: Any  # (..., K)
    uplink_share: Any  # (..., K)

    @property
    def bandwidth_share(self) -> Any:
        """The share of both bands, where it is one."""
        return self.downlink_share


PartitionedDecision = CommonDecision | SeparateDecision
