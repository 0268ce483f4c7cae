"""Plan of cooperative fine-tuning: who takes which block in each round of a cycle."""

from typing import Any

from pydantic import model_validator

from edgegym.lifecycle.state import State
from edgegym.scenario.fields import Count, NonNegativeArray, WholeArray
from edgegym.systems.cooperative.decision import CooperativeDecision
from edgegym.systems.plan_file import JsonPlan


class CooperativePlan(JsonPlan):
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


def describe_round(plan: CooperativePlan | None) -> dict[str, Any]:
    """Give what the rounds do; None where there is no plan.

    Examples
    --------
    >>> describe_round(None)
    {'block_device': None, 'bandwidth_share': None, 'batch_size': None}
    """
    keys = CooperativePlan.model_fields
    return {key: None if plan is None else plan.model_dump()[key] for key in keys}
