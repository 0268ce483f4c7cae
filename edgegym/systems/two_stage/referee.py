"""The referee: delay and energy of a whole plan, and what it violates."""

from dataclasses import dataclass

import numpy as np

from edgegym.errors import InputError
from edgegym.lifecycle.state import TOLERANCE
from edgegym.physics import Array, Numbers, radio
from edgegym.systems.two_stage.bound import plan_bound
from edgegym.systems.two_stage.costs import Cost, finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario


@dataclass(frozen=True)
class Outcome:
    """What a plan costs and breaks, as `evaluate` found it."""

    pretrain_rounds: Cost
    finetune_rounds: Cost
    gradient_norm_bound: float
    violations: dict[str, float]

    @property
    def total_delay_s(self) -> float:
        """Overall delay τ̃ of both stages, (16)."""
        return float(self.pretrain_rounds.delay_s.sum() + self.finetune_rounds.delay_s.sum())

    @property
    def total_energy_j(self) -> float:
        """Overall energy Ẽ of both stages, (21)."""
        return float(self.pretrain_rounds.energy_j.sum() + self.finetune_rounds.energy_j.sum())


def evaluate(
    plan: Plan,
    scenario: Scenario,
    *,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
    takes_part: Numbers | None = None,
) -> Outcome:
    """Grade a plan: the cost of every round, the bound (34), violations of (10), (11), (35a)-(35f).

    Without given gains the channel is the scenario's fixed one, whatever its mode, and no device
    straggles; playing a plan through the environment shows what both do to it. Where some devices
    take part in a round, and it is not given which, a round has the delay of the slowest of all and
    its mean energy.

    Parameters
    ----------
    plan : what every round does
    scenario : the constants and limits
    uplink_gain, downlink_gain : (K,) or (N, K) power ratios; the scenario's where none is given
    takes_part : (K,) or (N, K) 1 of who takes part and 0 of who does not

    Returns
    -------
    Outcome, whose `violations` maps the key of each broken limit to its relative excess

    Raises
    ------
    InputError
        If the plan is made for another number of devices.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> plan = Plan.constant(n_pretrain_rounds=10, pretrain_batch_size=700, server_clock_hz=1.6e9,
    ...     n_finetune_rounds=0, finetune_batch_size=[1] * 3, device_clock_hz=[1e8] * 3,
    ...     device_tx_power_w=[0.1] * 3)
    >>> outcome = evaluate(plan, load_scenario("mnist").replace(energy_budget_j=140.1344))
    >>> outcome.total_delay_s, {k: round(v, 6) for k, v in outcome.violations.items()}
    (4.375, {'energy_budget_j': 1.0})
    """
    require_same_devices(plan, scenario)
    pretrain = pretrain_round_cost(
        scenario, batch_size=plan.pretrain_batch_size, clock_hz=plan.server_clock_hz
    )
    finetune = finetune_round_cost(
        scenario,
        batch_size=plan.finetune_batch_size,
        clock_hz=plan.device_clock_hz,
        tx_power_w=plan.device_tx_power_w,
        uplink_gain=uplink_gain,
        downlink_gain=downlink_gain,
        takes_part=takes_part,
    )
    tx_power_w = plan.device_tx_power_w * (1 if takes_part is None else np.asarray(takes_part))
    mean_power_w = radio.mean_tx_power_w(tx_power_w.sum(axis=0), plan.n_finetune_rounds)
    return Outcome(
        pretrain,
        finetune,
        plan_bound(scenario, plan),
        _violations(plan, scenario, pretrain, finetune, mean_power_w),
    )


def require_same_devices(plan: Plan, scenario: Scenario) -> None:
    """Refuse a plan that is made for another number of devices.

    Raises
    ------
    InputError
        Naming both numbers.
    """
    if plan.n_devices != scenario.n_devices:
        raise InputError(
            f"plan must be made for the {scenario.n_devices} devices of scenario "
            f"{scenario.name!r}; got a plan for {plan.n_devices}. Plan again for this scenario."
        )


def _violations(
    plan: Plan, scenario: Scenario, pretrain: Cost, finetune: Cost, mean_power_w: Array
) -> dict[str, float]:
    demands = {
        "max_pretrain_rounds": plan.n_pretrain_rounds,
        "max_finetune_rounds": plan.n_finetune_rounds,
        "pretrain_batch_size_limit": plan.pretrain_batch_size,  # (35a)
        "finetune_batch_size_limit": plan.finetune_batch_size,  # (35b)
        "server_clock_limit_hz": plan.server_clock_hz,  # (35c)
        "device_clock_limit_hz": plan.device_clock_hz,  # (35d)
        "device_tx_power_peak_limit_w": plan.device_tx_power_w,  # (11)
        "device_tx_power_mean_limit_w": mean_power_w,  # (10)
        "delay_budget_s": pretrain.delay_s.sum() + finetune.delay_s.sum(),  # (35e)
        "energy_budget_j": pretrain.energy_j.sum() + finetune.energy_j.sum(),  # (35f)
    }
    excess = {
        key: float(np.max(np.divide(demand, getattr(scenario, key)) - 1, initial=-1.0))
        for key, demand in demands.items()
    }
    return {key: value for key, value in excess.items() if value > TOLERANCE}
