"""The referee: delay and energy of a round and of a plan, and what a plan violates."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from edgegym.errors import InputError
from edgegym.lifecycle.state import TOLERANCE
from edgegym.physics import Array, Numbers, processor, radio
from edgegym.physics.sums import sum_over_devices
from edgegym.systems.two_stage.bound import plan_bound
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario


class Cost(NamedTuple):
    """Delay and energy of one round, or of many along the leading axes."""

    delay_s: Array
    energy_j: Array


def pretrain_round_cost(scenario: Scenario, *, batch_size: Numbers, clock_hz: Numbers) -> Cost:
    """Delay and energy of a pre-training round, the summands of (14) and (17).

    Parameters
    ----------
    scenario : the constants
    batch_size : (...) samples, D̃
    clock_hz : (...) Hz, f

    Returns
    -------
    Cost of (...) s and (...) J

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> cost = pretrain_round_cost(load_scenario("mnist"), batch_size=700, clock_hz=1.6e9)
    >>> float(cost.delay_s), round(float(cost.energy_j), 5)
    (0.4375, 28.02688)
    """
    s = scenario
    work = {"flop_per_sample": s.flop_per_sample, "flop_per_cycle": s.server_flop_per_cycle}
    return Cost(
        delay_s=processor.compute_delay_s(batch_size, clock_hz, **work),
        energy_j=processor.compute_energy_j(
            batch_size,
            clock_hz,
            **work,
            pue=s.server_pue,
            power_coefficient_w_per_hz3=s.server_power_coefficient_w_per_hz3,
        ),
    )


def download_delay_s(scenario: Scenario, downlink_gain: Numbers | None = None) -> Array:
    """Time in which each device receives the model, β / r_d with (13).

    Parameters
    ----------
    scenario : the constants
    downlink_gain : (..., K) power ratio, g_d; the scenario's where none is given

    Returns
    -------
    (..., K) s

    Examples
    --------
    Gains 2e-6 and up at 0.5 W: log₂(1 + 10⁵) = 16.61 bit/s/Hz for the first device:

    >>> from edgegym import load_scenario
    >>> float(download_delay_s(load_scenario("mnist"))[0].round(5))
    0.12041
    """
    s = scenario
    rate_bps = radio.rate_bps(
        s.server_tx_power_w,
        gain=s.downlink_gain if downlink_gain is None else downlink_gain,
        bandwidth_hz=s.downlink_bandwidth_hz,
        noise_psd_w_per_hz=s.device_noise_psd_w_per_hz,
    )
    return radio.transfer_delay_s(s.update_bits, rate_bps)


def finetune_round_cost(
    scenario: Scenario,
    *,
    batch_size: Numbers,
    clock_hz: Numbers,
    tx_power_w: Numbers,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
    download_s: Array | None = None,
) -> Cost:
    """Delay and energy of a fine-tuning round, the summands of (16) and (21).

    delay = max_k (β/r_d + B̃_k·N_FLOP/(f̂_k·ĉ_k) + β/r_u)
    energy = P̃·max_k β/r_d + Σ_k (η̂_k·B̃_k·N_FLOP/ĉ_k·φ̂_k·f̂_k² + p_k·β/r_u)

    Parameters
    ----------
    scenario : the constants
    batch_size : (..., K) samples, B̃_k
    clock_hz : (..., K) Hz, f̂_k
    tx_power_w : (..., K) W, p_k
    uplink_gain, downlink_gain : (..., K) power ratios; the scenario's where none is given
    download_s : (..., K) s, where `download_delay_s` of the downlink gains is known already

    Returns
    -------
    Cost of (...) s and (...) J

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> cost = finetune_round_cost(load_scenario("mnist"), batch_size=np.full(3, 180),
    ...                            clock_hz=np.full(3, 360e6), tx_power_w=np.full(3, 0.5))
    >>> float(cost.delay_s.round(5)), float(cost.energy_j.round(5))
    (0.72925, 0.34398)
    """
    s = scenario
    work: dict[str, Any] = {
        "flop_per_sample": s.flop_per_sample,
        "flop_per_cycle": s.device_flop_per_cycle,
    }
    if download_s is None:
        download_s = download_delay_s(s, downlink_gain)
    training_s = processor.compute_delay_s(batch_size, clock_hz, **work)
    upload_bps = radio.rate_bps(
        tx_power_w,
        gain=s.uplink_gain if uplink_gain is None else uplink_gain,
        bandwidth_hz=s.uplink_bandwidth_hz,
        noise_psd_w_per_hz=s.server_noise_psd_w_per_hz,
    )
    upload_s = radio.transfer_delay_s(s.update_bits, upload_bps)
    training_j = processor.compute_energy_j(
        batch_size,
        clock_hz,
        **work,
        pue=s.device_pue,
        power_coefficient_w_per_hz3=s.device_power_coefficient_w_per_hz3,
    )
    upload_j = radio.upload_energy_j(tx_power_w, upload_s)
    return Cost(
        delay_s=np.maximum.reduce(download_s + training_s + upload_s, axis=-1),
        energy_j=radio.download_energy_j(s.server_tx_power_w, download_s)
        + sum_over_devices(training_j + upload_j),
    )


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
) -> Outcome:
    """Grade a plan: the cost of every round, the bound (34), violations of (10), (11), (35a)-(35f).

    Without given gains the channel is the scenario's fixed one, whatever its mode, and no device
    straggles; playing a plan through the environment shows what both do to it.

    Parameters
    ----------
    plan : what every round does
    scenario : the constants and limits
    uplink_gain, downlink_gain : (K,) or (N, K) power ratios; the scenario's where none is given

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
    )
    return Outcome(
        pretrain,
        finetune,
        plan_bound(scenario, plan),
        _violations(plan, scenario, pretrain, finetune),
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


def _violations(plan: Plan, scenario: Scenario, pretrain: Cost, finetune: Cost) -> dict[str, float]:
    mean_power_w = radio.mean_tx_power_w(plan.device_tx_power_w.sum(axis=0), plan.n_finetune_rounds)
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
