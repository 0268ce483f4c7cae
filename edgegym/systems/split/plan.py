"""Plan of split fine-tuning: where the network is split, and what every round does."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from edgegym.lifecycle.state import State
from edgegym.scenario.fields import Count, NonNegativeArray
from edgegym.systems.plan_file import JsonPlan
from edgegym.systems.split.decision import SplitDecision

#: What shares may exceed one by: rounding of a sum over many devices.
TOLERANCE = 1e-9


class SplitPlan(JsonPlan):
    """What every round does, fixed ahead of time.

    Parameters
    ----------
    layer : split layer; 0 is all in the cloud, one above the last all on the edge
    rank : numbers of a token that cross the link; 0 is the whole hidden state
    batch_size : samples of each device
    uplink_share, downlink_share : (K,) parts of the bands, each summing to 1 at most

    Examples
    --------
    >>> plan = SplitPlan(layer=2, rank=4, batch_size=8, uplink_share=[0.7, 0.3],
    ...                  downlink_share=[0.5, 0.5])
    >>> SplitPlan.from_json(plan.to_json()) == plan
    True
    """

    layer: Annotated[int, Field(ge=0)]
    rank: Annotated[int, Field(ge=0)]
    batch_size: Count
    uplink_share: NonNegativeArray
    downlink_share: NonNegativeArray

    @model_validator(mode="after")
    def _values_agree(self) -> "SplitPlan":
        for key in ("uplink_share", "downlink_share"):
            share = getattr(self, key)
            if share.ndim != 1 or share.shape != self.uplink_share.shape:
                raise ValueError(
                    f"{key} must hold one value for each device, as uplink_share does; got "
                    f"shape {share.shape}"
                )
            if share.sum() > 1 + TOLERANCE:
                raise ValueError(f"{key} must sum to 1 at most; got {share.sum():.10g}")
        return self

    def decision(self, state: State) -> SplitDecision:
        """Give what the plan does in every round, whatever the state."""
        return SplitDecision(
            self.layer,
            self.rank,
            float(self.batch_size),
            self.uplink_share,
            self.downlink_share,
        )


def describe_round(plan: SplitPlan | None) -> dict[str, Any]:
    """Give what every round does; None where there is no plan.

    Examples
    --------
    >>> describe_round(None)["layer"] is None
    True
    """
    if plan is None:
        return dict.fromkeys(SplitPlan.model_fields)
    return plan.model_dump(mode="json")
