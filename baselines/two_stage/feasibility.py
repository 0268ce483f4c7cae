"""What the budgets allow at all: which stages can run a round, and what to raise if none can."""

import math
from dataclasses import replace

import numpy as np

from baselines.result import round_up
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.times import RESERVE, cheapest_times
from baselines.two_stage.workload import workload
from edgegym.systems.two_stage.scenario import Scenario

PRETRAIN, FINETUNE = (1, 0), (0, 1)


def usable_stages(scenario: Scenario, scheme: Scheme) -> Scheme:
    """Drop the stages of a scheme that cannot run even one round within the budgets.

    Every plan does without them, so nothing is lost: the certificate knows it as well, and the
    solver is spared a problem in which one round costs a million budgets. The least energy is known
    to `RESERVE`; a stage that is short of less than that is kept.

    Examples
    --------
    A millijoule lets the server compute a sample, but not the devices upload:

    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> poor = load_scenario("mnist").replace(energy_budget_j=1e-3)
    >>> usable_stages(poor, find_scheme("joint")).finetunes
    False
    """

    def fits(stage: tuple[int, int]) -> bool:
        delay_s = scenario.delay_budget_s * (1 + RESERVE)
        energy_j = least_energy_j(scenario, scheme, stage, delay_s)
        return energy_j <= scenario.energy_budget_j * (1 + RESERVE)

    return replace(
        scheme,
        pretrains=scheme.pretrains and fits(PRETRAIN),
        finetunes=scheme.finetunes and fits(FINETUNE),
    )


def explain_infeasibility(scenario: Scenario, scheme: Scheme) -> str:
    """Say in one sentence that the budgets allow no round, and the least ones that would.

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> poor = load_scenario("mnist").replace(delay_budget_s=1e-4)
    >>> print(explain_infeasibility(poor, find_scheme("pretrain-only")))
    delay_budget_s and energy_budget_j must allow one round of scheme pretrain-only; \
got 0.0001 s and 300 J. Set delay_budget_s = 0.0006251 at least.
    """
    stages = [PRETRAIN] * scheme.pretrains + [FINETUNE] * scheme.finetunes
    least = {
        "delay_budget_s": min(_least_delay_s(scenario, scheme, stage) for stage in stages),
        "energy_budget_j": min(
            _least_budget_j(scenario, scheme, stage, scenario.delay_budget_s) for stage in stages
        ),
    }
    remedies = [
        f"{key} = {round_up(value):.4g}" for key, value in least.items() if math.isfinite(value)
    ]
    remedy = f"Set {' or '.join(remedies)} at least" if remedies else "Raise both"
    return (
        f"delay_budget_s and energy_budget_j must allow one round of scheme {scheme.name}; got "
        f"{scenario.delay_budget_s:g} s and {scenario.energy_budget_j:g} J. {remedy}."
    )


def least_energy_j(
    scenario: Scenario, scheme: Scheme, stage: tuple[int, int], delay_s: float
) -> float:
    """Find the least energy of one round of a stage within a delay, infinite where none fits.

    Examples
    --------
    One sample on the server at leisure, at a hundredth of its clock: 64.06 W · 0.625 ms / 10⁴.

    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> least_j = least_energy_j(load_scenario("mnist"), find_scheme("joint"), PRETRAIN, 1000.0)
    >>> round(least_j, 9)
    4.004e-06
    """
    if scheme.fixed_batch:
        server, devices = scenario.pretrain_batch_size_limit, scenario.finetune_batch_size_limit
    else:
        server, devices = 1, np.ones(scenario.n_devices)
    times = cheapest_times(
        workload(scenario),
        scheme,
        n_pretrain_rounds=stage[0],
        n_finetune_rounds=stage[1],
        pretrain_batch_size=server,
        finetune_batch_size=devices,
        delay_budget_s=delay_s,
    )
    return float(times.energy_j)


def _least_budget_j(
    scenario: Scenario, scheme: Scheme, stage: tuple[int, int], delay_s: float
) -> float:
    """Find the least energy budget for one round of a plan, which keeps its reserves."""
    return least_energy_j(scenario, scheme, stage, delay_s * (1 - RESERVE)) / (1 - RESERVE)


def _least_delay_s(scenario: Scenario, scheme: Scheme, stage: tuple[int, int]) -> float:
    """Bisect on the logarithm of the delay, over which the least energy falls."""
    low, high = scenario.delay_budget_s, scenario.delay_budget_s * 1e9
    if _least_budget_j(scenario, scheme, stage, high) > scenario.energy_budget_j:
        return math.inf
    while high / low > 1 + 1e-6:
        middle = math.sqrt(low * high)
        fits = _least_budget_j(scenario, scheme, stage, middle) <= scenario.energy_budget_j
        low, high = (low, middle) if fits else (middle, high)
    return high
