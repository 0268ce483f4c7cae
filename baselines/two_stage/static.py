"""Static power: every second costs energy as well, so that the best plan may not use them all.

A plan that ends within some delay draws no more static energy than that delay takes. So what is
left of the energy budget, and that delay, are the budgets of a problem without static power; its
best bound has one valley along the delay, since (P1) in time variables is quasi-convex in both
budgets together.
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np
from scipy.optimize import minimize_scalar

from baselines.result import round_up
from baselines.two_stage.feasibility import FINETUNE, PRETRAIN, least_energy_j, usable_stages
from baselines.two_stage.prices import Prices, lower_bound
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.relaxation import relax, relax_case
from baselines.two_stage.schemes import Scheme
from edgegym.systems.two_stage.scenario import Scenario

#: Shares of the delay budget that are tried first, and how near to the best delay is near enough.
SHARES, NEAR = np.geomspace(1e-6, 1, 43), 1e-6
#: How far from the best delay prices are looked at: nearer tells more, unless both ask the same.
ASIDE = 1e-5, 1e-4


def ending_within(scenario: Scenario, delay_s: float) -> Scenario:
    """Pose the same without static power, for plans that end within a delay.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> within = ending_within(load_scenario("mnist").replace(static_power_w=0.1), 600.0)
    >>> within.delay_budget_s, within.energy_budget_j, within.static_power_w
    (600.0, 240.0, 0.0)
    """
    left_j = scenario.energy_budget_j - scenario.static_power_w * delay_s
    changes = {"static_power_w": 0.0, "delay_budget_s": delay_s, "energy_budget_j": left_j}
    return scenario.model_copy(update=changes)


def best_delay_s(scenario: Scenario, scheme: Scheme) -> float | None:
    """Find the delay within which the best plan ends; None where no plan fits within any.

    Examples
    --------
    A second takes two thirds of what the energy budget has for it; fewer of them are better:

    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> s, scheme = load_scenario("mnist").replace(static_power_w=0.2), find_scheme("joint")
    >>> 500 < best_delay_s(s, scheme) < 1000
    True
    """

    @cache
    def bound(delay_s: float) -> float:
        within = ending_within(scenario, delay_s)
        if within.energy_budget_j <= 0:
            return math.inf
        usable = usable_stages(within, scheme)
        found = relax(pose(within, usable)) if usable.pretrains or usable.finetunes else None
        return found.gradient_norm_bound if found else math.inf

    tried = (scenario.delay_budget_s * SHARES).tolist()
    best = min(tried, key=bound)
    if not math.isfinite(bound(best)):
        return None
    at = tried.index(best)
    ends = tried[max(at - 1, 0)], tried[min(at + 1, len(tried) - 1)]
    with np.errstate(invalid="ignore"):  # where nothing fits, its parabolas are none
        near = minimize_scalar(bound, bounds=ends, method="bounded", options={"xatol": NEAR * best})
    return min((best, float(near.x)), key=bound)


def lowest_bound(scenario: Scenario, scheme: Scheme, delay_s: float) -> float:
    """Bound (34) that no plan falls below, within whatever delay it ends.

    At given prices both budgets together are worth most at one of the ends of the delay, and the
    same at both where a second is worth what it draws. Those prices lie between what the optima a
    little before and after the best delay ask. What holds without static power holds as well.

    Parameters
    ----------
    scenario, scheme : what is planned
    delay_s : the best delay; any other gives a true, if lower, bound
    """
    at_once = scenario.model_copy(update={"static_power_w": 0.0})
    parts = pose(at_once, usable_stages(at_once, scheme)).parts
    fitting = [part for part in parts if relax_case(part) is not None]
    return min((_lowest_of_case(part, scenario, delay_s) for part in fitting), default=0.0)


def _lowest_of_case(problem: Problem, scenario: Scenario, delay_s: float) -> float:
    """Bound that no plan of one case falls below."""
    ends = [ending_within(scenario, end_s) for end_s in (0.0, scenario.delay_budget_s)]
    prices = list[Prices]()
    for aside in ASIDE:
        around = (ending_within(scenario, delay_s * (1 + step)) for step in (-aside, aside))
        found = [
            relax_case(replace(problem, scenario=one)) for one in around if one.energy_budget_j > 0
        ]
        asked = [one.prices for one in found if one is not None and one.prices is not None]
        if len(asked) == 2:
            asked.append(_between(asked[0], asked[1], scenario.static_power_w))
        prices += asked
    bounds = [
        min(lower_bound(some, replace(problem, scenario=end)) for end in ends) for some in prices
    ]
    without = relax_case(problem)
    return max(*bounds, without.lower_bound if without else 0.0, 0.0)


def _between(before: Prices, after: Prices, static_w: float) -> Prices:
    """Mix two prices so that a second is worth what it draws, as far as they allow."""
    gain, loss = (one.delay_per_s - static_w * one.energy_per_j for one in (before, after))
    share = float(np.clip(gain / (gain - loss), 0, 1)) if gain != loss else 0.5
    one, other = before.times(1 - share), after.times(share)
    return Prices(
        one.delay_per_s + other.delay_per_s,
        one.device_delay_per_s + other.device_delay_per_s,
        one.energy_per_j + other.energy_per_j,
    )


def explain_no_delay(scenario: Scenario, scheme: Scheme) -> str:
    """Say in one sentence that static power leaves no round, and the least energy that would."""
    s = scenario
    stages = [PRETRAIN] * scheme.pretrains + [FINETUNE] * scheme.finetunes
    least_j = min(
        least_energy_j(s, scheme, stage, delay_s) / (1 - NEAR) ** 2 + s.static_power_w * delay_s
        for stage in stages
        for delay_s in s.delay_budget_s * SHARES
    )
    remedy = (
        f"Set energy_budget_j = {round_up(least_j):.4g} at least, or less static power"
        if math.isfinite(least_j)
        else "Raise delay_budget_s"
    )
    return (
        f"delay_budget_s and energy_budget_j must allow one round of scheme {scheme.name} and "
        f"static_power_w = {s.static_power_w:g} for as long; got {s.delay_budget_s:g} s and "
        f"{s.energy_budget_j:g} J. {remedy}."
    )
