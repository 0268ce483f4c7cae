"""The referee of partitioned edge learning: what a plan costs and what it breaks."""

import math
from dataclasses import dataclass

import numpy as np

from edgegym.errors import InputError
from edgegym.lifecycle.state import TOLERANCE
from edgegym.physics import Numbers
from edgegym.systems.partitioned.costs import RoundCost, round_cost
from edgegym.systems.partitioned.plan import PartitionedPlan
from edgegym.systems.partitioned.scenario import PartitionedScenario


@dataclass(frozen=True)
class PartitionedOutcome:
    """What a plan costs and breaks, as `evaluate` found it."""

    round: RoundCost
    n_rounds: int  # that fit the budgets and the round limit
    violations: dict[str, float]

    @property
    def total_delay_s(self) -> float:
        """Latency of all rounds."""
        return self.n_rounds * float(self.round.delay_s) if self.n_rounds else 0.0

    @property
    def total_energy_j(self) -> float:
        """Energy of all rounds, of the workers and of the server's transmitter."""
        return self.n_rounds * float(self.round.energy_j) if self.n_rounds else 0.0


def evaluate(
    plan: PartitionedPlan,
    scenario: PartitionedScenario,
    *,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> PartitionedOutcome:
    """Grade a plan: the cost of a round, the rounds that fit the budgets, the broken limits.

    Without given gains the channel is the scenario's fixed one, whatever its mode.

    Parameters
    ----------
    plan : what every round does
    scenario : the constants and limits
    uplink_gain, downlink_gain : (K,) power ratios; the scenario's where none is given

    Returns
    -------
    PartitionedOutcome, whose `violations` maps a budget to the relative excess of a single round
    over it: a plan with any cannot be played at all

    Raises
    ------
    InputError
        If the plan is made for other groups, workers, parameters or another sharing.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> share = [0.1] * 10
    >>> plan = PartitionedPlan(block_size=[1570] * 5, downlink_share=share, uplink_share=share)
    >>> evaluate(plan, load_scenario("partitioned-digits")).n_rounds
    184
    """
    require_same_system(plan, scenario)
    cost = round_cost(
        scenario,
        block_size=plan.block_size,
        downlink_share=plan.downlink_share,
        uplink_share=plan.uplink_share,
        uplink_gain=uplink_gain,
        downlink_gain=downlink_gain,
    )
    demands = {"delay_budget_s": float(cost.delay_s), "energy_budget_j": float(cost.energy_j)}
    budgets = {key: getattr(scenario, key) for key in demands if getattr(scenario, key) is not None}
    excess = {key: demands[key] / budget - 1 for key, budget in budgets.items()}
    fitting = [
        budget * (1 + TOLERANCE) / demands[key] for key, budget in budgets.items() if demands[key]
    ]
    return PartitionedOutcome(
        round=cost,
        n_rounds=math.floor(min([scenario.max_rounds, *fitting])),
        violations={key: value for key, value in excess.items() if value > TOLERANCE},
    )


def require_same_system(plan: PartitionedPlan, scenario: PartitionedScenario) -> None:
    """Refuse a plan that is made for another system.

    Raises
    ------
    InputError
        Naming what differs.
    """
    s = scenario
    pairs = {
        "groups": (s.n_groups, plan.block_size.size),
        "workers": (s.n_workers, plan.downlink_share.size),
        "parameters": (s.n_parameters, int(plan.block_size.sum())),
    }
    for noun, (needed, got) in pairs.items():
        if got != needed:
            raise InputError(
                f"plan must be made for the {needed} {noun} of scenario {s.name!r}; got a plan "
                f"for {got}. Plan again for this scenario."
            )
    common = s.bandwidth_sharing == "common"
    if common and not np.array_equal(plan.downlink_share, plan.uplink_share):
        raise InputError(
            f"downlink_share and uplink_share must be equal where scenario {s.name!r} has a "
            "common share; got a plan with two. Plan again for this scenario."
        )
