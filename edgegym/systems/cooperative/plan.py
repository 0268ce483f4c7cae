"""Plan of cooperative fine-tuning: who takes which block in each round of a cycle."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from edgegym.errors import from_validation
from edgegym.lifecycle.state import State
from edgegym.scenario.fields import Count, NonNegativeArray, WholeArray
from edgegym.systems.cooperative.decision import CooperativeDecision
from edgegym.systems.plan_file import load_plan, read_json


class CooperativePlan(BaseModel):
    """What the rounds do, fixed ahead of time: R of them in turn, of which one is the same always.

    Parameters
    ----------
    block_device : (R, N) index of each block's device, nearest to the output first
    bandwidth_share : (R, K) shares of the band, beside those of the others that have a block
    batch_size : samples of each device

    Examples
    --------
    >>> plan = CooperativePlan(block_device=[[0, 1], [1, 0]], bandwidth_share=[[0.5, 0.5]] * 2,
    ...                        batch_size=8)
    >>> CooperativePlan.from_json(plan.to_json()) == plan
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    block_device: WholeArray
    bandwidth_share: NonNegativeArray
    batch_size: Count

    @model_validator(mode="after")
    def _values_agree(self) -> "CooperativePlan":
        who, share = self.block_device, self.bandwidth_share
        if who.ndim != 2 or not who.size:
            raise ValueError(
                "block_device must be a list of rounds, each a list of one index for each block; "
                f"got shape {who.shape}"
            )
        if share.ndim != 2 or len(share) != len(who):
            raise ValueError(
                "bandwidth_share must hold a list of one share for each device for each round of "
                f"block_device; got shape {share.shape}"
            )
        if who.max() >= share.shape[1]:
            raise ValueError(
                f"block_device must hold indices of the {share.shape[1]} devices that "
                f"bandwidth_share has; got {who.max()}"
            )
        if not share.any(axis=1).all():
            raise ValueError("bandwidth_share must hold something above 0 in every round; got none")
        return self

    def decision(self, state: State) -> CooperativeDecision:
        """Give what the plan does in the coming round, which follows from those done before."""
        turn = int(state.round) % len(self.block_device)
        return CooperativeDecision(
            self.block_device[turn].astype(float), self.bandwidth_share[turn], self.batch_size
        )

    def to_json(self) -> str:
        """Write the plan as JSON."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str, where: str = "the plan") -> "CooperativePlan":
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
    def load(cls, path: str | Path) -> "CooperativePlan":
        """Read a plan file, with the file's name in every error."""
        plan: CooperativePlan = load_plan(cls, path)
        return plan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CooperativePlan) and all(
            np.array_equal(getattr(self, key), getattr(other, key))
            for key in type(self).model_fields
        )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


def describe_round(plan: CooperativePlan | None) -> dict[str, Any]:
    """Give what the rounds do; None where there is no plan.

    Examples
    --------
    >>> describe_round(None)
    {'block_device': None, 'bandwidth_share': None, 'batch_size': None}
    """
    keys = CooperativePlan.model_fields
    return {key: None if plan is None else plan.model_dump()[key] for key in keys}
