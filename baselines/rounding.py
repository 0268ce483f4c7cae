"""From real batches to an integer plan that keeps every limit."""

from itertools import product

import numpy as np

from baselines.schemes import Scheme
from baselines.times import RESERVE, Times, cheapest_times
from edgegym.physics import Array, processor, radio
from edgegym.two_stage.costs import Outcome, evaluate
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR, Scenario


def round_batches(
    scenario: Scenario,
    scheme: Scheme,
    *,
    n_pretrain_rounds: int,
    n_finetune_rounds: int,
    pretrain_batch_size: float,
    finetune_batch_size: Array,
) -> tuple[float, Plan] | None:
    """Find the best integer plan around real batches at given integer rounds.

    All batches are rounded down, which always fits; then the devices' batches are raised one
    after another, nearest to the next integer first, beside every server batch up to two off.
    The times are shared out anew for each candidate and the best that fits is kept.

    Parameters
    ----------
    scenario, scheme : what is planned
    n_pretrain_rounds, n_finetune_rounds : integer M and N
    pretrain_batch_size : () samples, real
    finetune_batch_size : (K,) samples, real

    Returns
    -------
    The bound and the plan, or None where no candidate fits

    Examples
    --------
    >>> from baselines.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> bound, plan = round_batches(load_scenario("mnist"), find_scheme("joint"),
    ...     n_pretrain_rounds=1000, n_finetune_rounds=1364, pretrain_batch_size=82.43,
    ...     finetune_batch_size=np.array([97.35, 101.98, 95.02]))
    >>> round(bound, 4), plan.pretrain_batch_size[0].item(), plan.finetune_batch_size[0].tolist()
    (0.3048, 82, [98, 102, 95])
    """
    candidates = _candidates(scenario, scheme, pretrain_batch_size, finetune_batch_size)
    times = cheapest_times(
        scenario,
        scheme,
        n_pretrain_rounds=n_pretrain_rounds,
        n_finetune_rounds=n_finetune_rounds,
        pretrain_batch_size=candidates[:, 0],
        finetune_batch_size=candidates[:, 1:],
        delay_budget_s=scenario.delay_budget_s * (1 - RESERVE),
    )
    best: tuple[float, Plan] | None = None
    for index in np.flatnonzero(times.energy_j <= scenario.energy_budget_j * (1 - RESERVE)):
        plan = _plan(
            scenario,
            n_pretrain_rounds,
            n_finetune_rounds,
            candidates[index],
            Times(*(part[index] for part in times)),
        )
        plan, outcome = _raise_to_floors(plan, scenario)
        if best is None or outcome.gradient_norm_bound < best[0]:
            best = outcome.gradient_norm_bound, plan
    return best


def _raise_to_floors(plan: Plan, scenario: Scenario) -> tuple[Plan, Outcome]:
    """Raise clocks and powers that no action can ask for, where the energy budget allows it.

    With time to spare the cheapest times are longer than any use; faster is never too late.
    """
    s, outcome = scenario, evaluate(plan, scenario)
    clock_k, power_k = s.device_clock_limit_hz, s.device_tx_power_peak_limit_w
    raised = Plan(
        pretrain_batch_size=plan.pretrain_batch_size,
        server_clock_hz=np.maximum(plan.server_clock_hz, CLOCK_FLOOR * s.server_clock_limit_hz),
        finetune_batch_size=plan.finetune_batch_size,
        device_clock_hz=np.maximum(plan.device_clock_hz, CLOCK_FLOOR * clock_k),
        device_tx_power_w=np.maximum(plan.device_tx_power_w, POWER_FLOOR * power_k),
    )
    if raised == plan:
        return plan, outcome
    raised_outcome = evaluate(raised, scenario)
    return (plan, outcome) if raised_outcome.violations else (raised, raised_outcome)


def _candidates(
    scenario: Scenario, scheme: Scheme, pretrain_batch_size: float, finetune_batch_size: Array
) -> Array:
    """Integer batches to try, one row each: the server's, then the K devices'."""
    limit, limits = scenario.pretrain_batch_size_limit, scenario.finetune_batch_size_limit
    if scheme.fixed_batch:
        return np.array([[limit, *limits]], dtype=float)
    # A real batch that is an integer up to the solver's digits is that integer.
    floors = np.clip(np.floor(finetune_batch_size + 1e-4), 1, limits)
    nearest_first = np.argsort(floors - finetune_batch_size, kind="stable")
    raised = [floors.copy()]
    for device in nearest_first:
        floors[device] = min(floors[device] + 1, limits[device])
        raised.append(floors.copy())
    server = np.floor(pretrain_batch_size + 1e-4) + np.arange(-1, 3)
    server = np.unique(np.clip(server, 1, limit))
    return np.array([[first, *rest] for first, rest in product(server, raised)])


def _plan(scenario: Scenario, m: int, n: int, batches: Array, times: Times) -> Plan:
    """Write times as the clocks and powers that need exactly so long."""
    s = scenario
    return Plan.constant(
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=batches[0],
        finetune_batch_size=batches[1:],
        server_clock_hz=processor.clock_for_deadline_hz(
            batches[0],
            times.server_s,
            flop_per_sample=s.flop_per_sample,
            flop_per_cycle=s.server_flop_per_cycle,
        ),
        device_clock_hz=processor.clock_for_deadline_hz(
            batches[1:],
            times.computing_s,
            flop_per_sample=s.flop_per_sample,
            flop_per_cycle=s.device_flop_per_cycle,
        ),
        device_tx_power_w=radio.least_power_w(
            s.update_size_bits,
            times.upload_s,
            gain=s.uplink_gain,
            bandwidth_hz=s.uplink_bandwidth_hz,
            noise_psd_w_per_hz=s.server_noise_psd_w_per_hz,
        ),
    )
