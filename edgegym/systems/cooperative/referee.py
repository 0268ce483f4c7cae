"""The referee of cooperative fine-tuning: what a plan costs over its rounds, and what it breaks."""

from dataclasses import dataclass

import numpy as np

from edgegym.errors import InputError
from edgegym.lifecycle.state import TOLERANCE
from edgegym.physics import Array, Numbers
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.costs import RoundCost, round_cost, taken
from edgegym.systems.cooperative.plan import CooperativePlan
from edgegym.systems.cooperative.scenario import CooperativeScenario


@dataclass(frozen=True)
class CooperativeOutcome:
    """What a plan costs and breaks, as `evaluate` found it."""

    round: RoundCost  # (R,) of each round of its cycle
    n_rounds: int  # that fit the budgets and the round limit
    violations: dict[str, float]

    def _total(self, values: Array) -> float:
        return float(np.resize(values, self.n_rounds).sum()) if self.n_rounds else 0.0

    @property
    def total_delay_s(self) -> float:
        """Latency of all rounds."""
        return self._total(self.round.delay_s)

    @property
    def total_energy_j(self) -> float:
        """Energy of all rounds, of the devices and of the server's transmitter."""
        return self._total(self.round.energy_j)


def evaluate(
    plan: CooperativePlan,
    scenario: CooperativeScenario,
    *,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> CooperativeOutcome:
    """Grade a plan: the costs of its rounds, how many fit the budgets, the broken limits.

    Without given gains the channel is the scenario's fixed one, whatever its mode.

    Parameters
    ----------
    plan : what the rounds do in turn
    scenario : the constants and limits
    uplink_gain, downlink_gain : (K,) power ratios; the scenario's where none are given

    Returns
    -------
    CooperativeOutcome, whose `violations` maps a budget to the relative excess of the first round
    over it, and `device_memory_bytes` to that of the least batch: a plan with any cannot be played

    Raises
    ------
    InputError
        If the plan is made for other blocks or devices.

    Examples
    --------
    >>> from edgegym.systems.cooperative.worked import worked_scenario
    >>> plan = CooperativePlan(block_device=[[2, 1, 3]], bandwidth_share=[[0, 1, 1, 1]],
    ...                        batch_size=1)
    >>> evaluate(plan, worked_scenario()).n_rounds
    22
    """
    s = scenario
    require_same_system(plan, s)
    cost = round_cost(
        s,
        block_device=plan.block_device,
        bandwidth_share=plan.bandwidth_share,
        batch_size=plan.batch_size,
        uplink_gain=uplink_gain,
        downlink_gain=downlink_gain,
    )
    demands = {"delay_budget_s": cost.delay_s, "energy_budget_j": cost.energy_j}
    budgets = {key: getattr(s, key) for key in demands if getattr(s, key) is not None}
    excess = {key: float(demands[key][0]) / budget - 1 for key, budget in budgets.items()}
    who = taken(s, plan.block_device, plan.batch_size)
    need = np.where(
        who.n_taken > 0,
        blocks.memory_bytes(s, s.least_batch_size, who.depth, who.n_taken),
        0.0,
    )
    excess["device_memory_bytes"] = float(np.max(need / s.device_memory_bytes)) - 1
    fitting = [
        int(np.sum(np.cumsum(np.resize(demands[key], s.max_rounds)) <= budget * (1 + TOLERANCE)))
        for key, budget in budgets.items()
    ]
    return CooperativeOutcome(
        round=cost,
        n_rounds=min(fitting),
        violations={key: value for key, value in excess.items() if value > TOLERANCE},
    )


def require_same_system(plan: CooperativePlan, scenario: CooperativeScenario) -> None:
    """Refuse a plan that is made for another system.

    Raises
    ------
    InputError
        Naming what differs.
    """
    pairs = {
        "blocks": (scenario.n_blocks, plan.block_device.shape[1]),
        "devices": (scenario.n_devices, plan.bandwidth_share.shape[1]),
    }
    for noun, (needed, got) in pairs.items():
        if got != needed:
            raise InputError(
                f"plan must be made for the {needed} {noun} of scenario {scenario.name!r}; got a "
                f"plan for {got}. Plan again for this scenario."
            )
