"""Methods `emulator` and `measured`: what is best on the law of recorded training."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from baselines.two_stage.by_law.measured import (
    measured_aim,
    measured_bound,
    measured_cases,
    require_measured,
)
from baselines.two_stage.by_law.planner import ByLaw, plan_by_law
from baselines.two_stage.result import PlanResult
from baselines.two_stage.schemes import Scheme
from edgegym.systems.two_stage.bound_terms import Case
from edgegym.systems.two_stage.emulator import Emulator
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

#: Of a law, and of several.
FORETELLS = ("The emulator foretells", "The worst of the laws that fit the runs foretells")


def within_recorded(scenario: Scenario, emulator: Emulator) -> Scenario:
    """Limit the rounds to what was recorded."""
    before, after = (
        max(recorded.limits[0], 1)
        for recorded in (emulator.recorded_pretrain, emulator.recorded_finetune)
    )
    return _with_limits(scenario, before, after)


def plan_for_loss(
    scenario: Scenario, scheme: Scheme, laws: Sequence[Emulator], known: Plan
) -> PlanResult:
    """Plan for the least loss that a law foretells, or the worst of several."""
    found = plan_by_law(scenario, scheme, laws, known)
    if found is None:
        return _nothing(scenario, scheme, "emulator", laws[0])
    beside = (
        f"of the best constant plan for (34) {found.constant_loss:.3f}"
        if math.isfinite(found.constant_loss)
        else "the best constant plan for (34) leaves what was recorded"
    )
    message = (
        f"{FORETELLS[len(laws) > 1]} a loss of {found.loss:.3f}, {beside}. No plan is proven to be "
        "the best on its law."
    )
    return _result(scenario, scheme, "emulator", found, message, foretold_loss=found.loss)


def plan_for_measured(
    scenario: Scenario, scheme: Scheme, emulator: Emulator, known: Plan
) -> PlanResult:
    """Plan for the least bound with the α² and ρ of every round, in each of the bound's cases."""
    require_measured(emulator)
    found = [
        plan_by_law(
            *_of_case(scenario, scheme, case),
            [emulator],
            known,
            measured_aim(scenario, case.terms),
        )
        for case in measured_cases(scenario)
    ]
    best = min((one for one in found if one), key=lambda one: one.loss, default=None)
    if best is None:
        return _nothing(scenario, scheme, "measured", emulator)
    beside = (
        f"of the best plan of alike rounds it is {measured_bound(scenario, emulator, known):.4g}"
        if emulator.covers(known)
        else "the best plan of alike rounds leaves what was recorded"
    )
    message = (
        f"With the variance and smoothness measured at every round's progress the bound is "
        f"{best.loss:.4g}; {beside}. No plan is proven to be the best."
    )
    return _result(scenario, scheme, "measured", best, message, measured_bound=best.loss)


def _of_case(scenario: Scenario, scheme: Scheme, case: Case) -> tuple[Scenario, Scheme]:
    """Limit stages and rounds to those of which a case of the bound speaks."""
    m, n = case.pretrain_rounds[1], case.finetune_rounds[1]
    limited = replace(
        scheme, pretrains=scheme.pretrains and m > 0, finetunes=scheme.finetunes and n > 0
    )
    return _with_limits(scenario, max(m, 1), max(n, 1)), limited


def _with_limits(scenario: Scenario, pretrain: float, finetune: float) -> Scenario:
    limits = {
        "max_pretrain_rounds": int(min(scenario.max_pretrain_rounds, pretrain)),
        "max_finetune_rounds": int(min(scenario.max_finetune_rounds, finetune)),
    }
    return scenario.model_copy(update=limits)


def _nothing(scenario: Scenario, scheme: Scheme, method: str, emulator: Emulator) -> PlanResult:
    message = (
        f"method {method!r} must stay within what was recorded, {emulator.recorded_in_words()}; "
        f"got no such round of scheme {scheme.name} within {scenario.delay_budget_s:g} s and "
        f"{scenario.energy_budget_j:g} J. Raise the budgets, or choose method 'exact'."
    )
    return PlanResult(
        scenario=scenario, scheme=scheme.name, method=method, status="infeasible", message=message
    )


def _result(
    scenario: Scenario, scheme: Scheme, method: str, found: ByLaw, message: str, **value: Any
) -> PlanResult:
    return PlanResult(
        scenario=scenario,
        scheme=scheme.name,
        method=method,
        status="local",
        message=message,
        plan=found.plan,
        gradient_norm_bound=evaluate(found.plan, scenario).gradient_norm_bound,
        relaxed_bound=math.nan,
        proven_bound=math.nan,
        **value,
    )
