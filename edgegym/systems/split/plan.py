"""Plan of split fine-tuning: where the network is split, and what every round does."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edgegym.errors import from_validation
from edgegym.lifecycle.state import State
from edgegym.scenario.fields import Count, NonNegativeArray
from edgegym.systems.plan_file import load_plan, read_json
from edgegym.systems.split.decision import SplitDecision

#: What shares may exceed one by: rounding of a sum over many devices.
TOLERANCE = 1e-9


class SplitPlan(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

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

    def to_json(self) -> str:
        """Write the plan as JSON."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str, where: str = "the plan") -> "SplitPlan":
        """Read a plan that `to_json` wrote.

        Raises
        ------
        InputError
            If the text is damaged, a key is missing or unknown, or a value is out of range.
        """
        data = read_json(text, where)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise from_validation(error, cls.model_fields, where) from None

    @classmethod
    def load(cls, path: str | Path) -> "SplitPlan":
        """Read a plan file, with the file's name in every error."""
        plan: SplitPlan = load_plan(cls, path)
        return plan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SplitPlan) and all(
            np.array_equal(getattr(self, key), getattr(other, key))
            for key in type(self).model_fields
        )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


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
