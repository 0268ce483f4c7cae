"""Plan of partitioned edge learning: who takes how many parameters and how much of the band."""

from typing import Any

from pydantic import model_validator

from edgegym.lifecycle.state import State
from edgegym.scenario.fields import NonNegativeArray, WholeArray
from edgegym.systems.partitioned.decision import SeparateDecision
from edgegym.systems.plan_file import JsonPlan

#: What shares may exceed one by: rounding of a sum over many workers.
TOLERANCE = 1e-9


class PartitionedPlan(JsonPlan):
    """What every round does, fixed ahead of time.

    Parameters
    ----------
    block_size : (N,) parameters that each group takes, whole numbers; 0 leaves a group out
    downlink_share, uplink_share : (K,) parts of the bandwidth, each summing to 1 at most

    Examples
    --------
    >>> plan = PartitionedPlan(block_size=[3, 1], downlink_share=[0.7, 0.3],
    ...                        uplink_share=[0.7, 0.3])
    >>> PartitionedPlan.from_json(plan.to_json()) == plan
    True
    """

    block_size: WholeArray
    downlink_share: NonNegativeArray
    uplink_share: NonNegativeArray

    @model_validator(mode="after")
    def _values_agree(self) -> "PartitionedPlan":
        if self.block_size.ndim != 1 or not self.block_size.sum():
            raise ValueError(
                "block_size must be a list of one whole number for each group, not all of them 0; "
                f"got {self.block_size.tolist()}"
            )
        for key in ("downlink_share", "uplink_share"):
            share = getattr(self, key)
            if share.ndim != 1 or share.shape != self.downlink_share.shape:
                raise ValueError(
                    f"{key} must hold one value for each worker, as downlink_share does; got "
                    f"shape {share.shape}"
                )
            if share.sum() > 1 + TOLERANCE:
                raise ValueError(f"{key} must sum to 1 at most; got {share.sum():.10g}")
        return self

    def decision(self, state: State) -> SeparateDecision:
        """Give what the plan does in every round, whatever the state."""
        return SeparateDecision(
            self.block_size.astype(float), self.downlink_share, self.uplink_share
        )


def describe_round(plan: PartitionedPlan | None) -> dict[str, Any]:
    """Give what every round does; None where there is no plan.

    Examples
    --------
    >>> describe_round(None)
    {'block_size': None, 'downlink_share': None, 'uplink_share': None}
    """
    keys = PartitionedPlan.model_fields
    return {key: None if plan is None else getattr(plan, key).tolist() for key in keys}
