"""Plan of partitioned edge learning: who takes how many parameters and how much of the band."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from edgegym.errors import from_validation
from edgegym.lifecycle.state import State
from edgegym.scenario.fields import NonNegativeArray, WholeArray
from edgegym.systems.partitioned.decision import SeparateDecision
from edgegym.systems.plan_file import load_plan, read_json

#: What shares may exceed one by: rounding of a sum over many workers.
TOLERANCE = 1e-9


class PartitionedPlan(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

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

    def to_json(self) -> str:
        """Write the plan as JSON."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str, where: str = "the plan") -> "PartitionedPlan":
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
    def load(cls, path: str | Path) -> "PartitionedPlan":
        """Read a plan file, with the file's name in every error."""
        plan: PartitionedPlan = load_plan(cls, path)
        return plan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartitionedPlan) and all(
            np.array_equal(getattr(self, key), getattr(other, key))
            for key in type(self).model_fields
        )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


def describe_round(plan: PartitionedPlan | None) -> dict[str, Any]:
    """Give what every round does; None where there is no plan.

    Examples
    --------
    >>> describe_round(None)
    {'block_size': None, 'downlink_share': None, 'uplink_share': None}
    """
    keys = PartitionedPlan.model_fields
    return {key: None if plan is None else getattr(plan, key).tolist() for key in keys}
