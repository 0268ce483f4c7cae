"""One door to every planner: a scenario, a scheme and a method in, a graded plan out."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from baselines.two_stage.algorithm1 import solve_algorithm1, solve_as_printed
from baselines.two_stage.by_law.method import (
    plan_for_loss,
    plan_for_measured,
    within_recorded,
)
from baselines.two_stage.feasibility import explain_infeasibility, usable_stages
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.relaxation import CERTIFIED, relax
from baselines.two_stage.result import PlanResult
from baselines.two_stage.rounding import as_plan, round_near
from baselines.two_stage.schemes import Scheme, find_scheme
from baselines.two_stage.search import NOTHING_FITS, Search, best_search, one_round, search
from baselines.two_stage.static import best_delay_s, ending_within, explain_no_delay, lowest_bound
from edgegym.errors import InputError, unknown_name
from edgegym.systems.two_stage.constants import worst_case
from edgegym.systems.two_stage.emulator_file import load_emulator
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

METHODS = ("exact", "sca", "emulator", "measured", "target")
ROUNDINGS = ("feasible", "paper")
GRID_POINTS = 6
#: What Algorithm 1 as printed says where one stage alone would fit.
NO_CELL = (
    "delay_budget_s and energy_budget_j must allow a round of each stage, as Algorithm 1 is "
    "printed; got no cell with M, N >= 1 that fits. Raise both, or choose rounding 'feasible'."
)


def plan(
    scenario: Scenario,
    scheme: str = "joint",
    method: str = "exact",
    grid: int = GRID_POINTS,
    rounding: str = "feasible",
    robust: bool = False,
    emulator: str | Path | None = None,
) -> PlanResult:
    """Plan every round of both stages ahead of time.

    The certificate is for (P1) with batches of at least one sample, and clocks and powers no lower
    than the environment's actions reach: a hundredth of a clock's limit, 1e-4 of the peak power.
    It is a statement about (34), which bounds the training only where γ̄ <= min(1/ρ, 1/ρ̂).

    Parameters
    ----------
    scenario : what is planned; its fixed gains are used, no device straggles, and where some take
        part in a round energies are means; with static power a plan may end within the budget
    scheme : joint, fixed-power, fixed-clock, fixed-batch, pretrain-only or finetune-only
    method : "exact", the global optimum of the relaxation rounded; "sca", Algorithm 1; "emulator",
        the best that was found on the law fitted to recorded training, without a certificate;
        "measured", that for the scenario's bound with the variance and smoothness measured at every
        round's progress; "target", the exact plan for bound "target", whichever the scenario's is
    grid : points on each axis of Algorithm 1's first grid over (M, N)
    rounding : "feasible" polishes what Algorithm 1 leaves: it may leave out a stage, and around its
        best cell the best integers within all limits get the cheapest clocks and powers. "paper",
        for method "sca" alone, is Algorithm 1 as printed: M, N >= 1, batches rounded to the
        nearest integers in every cell, SCA's own clocks and powers, whatever limits that breaks;
        the message says which
    robust : the best plan in the worst case: for method "emulator" of the laws that might as well
        have been fitted, on recorded runs drawn with replacement; else of the constants' intervals,
        `constant_intervals`
    emulator : for methods "emulator" and "measured", what `edgegym calibrate` fitted; else the one
        that is shipped

    Returns
    -------
    PlanResult, with status "infeasible" and no plan where the budgets allow no round, and
    "inaccurate" where the solver could not certify the relaxed bound

    Raises
    ------
    InputError
        If there is no such scheme, method or rounding, no emulator for method "emulator" or
        "measured", no constants for method "target", or no interval for a robust plan.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> result = plan(load_scenario("mnist"))
    >>> result.status, result.plan.n_pretrain_rounds, result.plan.n_finetune_rounds
    ('optimal', 1000, 1365)
    >>> result.gap < 1e-3
    True
    """
    for name, value, valid in (("method", method, METHODS), ("rounding", rounding, ROUNDINGS)):
        if value not in valid:
            raise unknown_name(name, value, valid)
    design = find_scheme(scheme)
    if rounding == "paper" and method != "sca":
        raise InputError(
            f"rounding 'paper' must go with method 'sca', Algorithm 1; got method {method!r}. "
            "Choose rounding 'feasible', or method 'sca'."
        )
    if method in ("emulator", "measured"):
        return _by_law(scenario, design, method, robust, emulator)
    if emulator is not None:
        raise InputError(
            f"emulator must go with method 'emulator' or 'measured'; got method {method!r}. Choose "
            "one of these, or leave it out."
        )
    if robust:
        worst = plan(worst_case(scenario), scheme, method, grid, rounding)
        return replace(worst, message=f"In the worst case of the intervals: {worst.message}")
    if method == "target":
        aimed = plan(scenario.replace(bound="target"), scheme)
        return replace(aimed, method=method)
    if scenario.static_power_w:
        return _with_static_power(scenario, design, method, grid, rounding)
    printed = rounding == "paper"
    usable = usable_stages(scenario, design)
    if not (usable.pretrains or usable.finetunes):
        found = NOTHING_FITS
    elif method == "exact":
        found = search(pose(scenario, usable))
    else:
        found = _algorithm1(pose(scenario, usable), design, grid, printed)
    head: dict[str, Any] = {"scenario": scenario, "scheme": scheme, "method": method}
    if found.rounded is None or found.relaxed is None:
        one_stage_fits = printed and found.relaxed is not None
        reason = NO_CELL if one_stage_fits else explain_infeasibility(scenario, design)
        return PlanResult(**head, status="infeasible", message=reason)
    best, bound = as_plan(scenario, found.rounded), found.rounded.gradient_norm_bound
    if printed:
        message = _breaches(best, scenario)
    else:
        message = _proven(scenario, bound, found.proven_bound, found.relaxed.lower_bound)
    certified = found.relaxed.gap <= CERTIFIED
    if not certified:
        message += " The solver stopped short of full accuracy."
    return PlanResult(
        **head,
        status="optimal" if certified else "inaccurate",
        message=message,
        plan=best,
        gradient_norm_bound=bound,
        relaxed_bound=found.relaxed.lower_bound,
        proven_bound=found.proven_bound,
        relaxed=found.relaxed,
    )


def _with_static_power(
    scenario: Scenario, design: Scheme, method: str, grid: int, rounding: str
) -> PlanResult:
    """Plan for the delay within which it is best to end."""
    head: dict[str, Any] = {"scenario": scenario, "scheme": design.name, "method": method}
    delay_s = best_delay_s(scenario, design)
    if delay_s is None:
        message = explain_no_delay(scenario, design)
        return PlanResult(**head, status="infeasible", message=message)
    found = plan(ending_within(scenario, delay_s), design.name, method, grid, rounding)
    if found.relaxed is None or found.plan is None:
        return replace(found, **head)
    lowest = lowest_bound(scenario, design, delay_s)
    message = found.message
    if rounding != "paper":
        message = _proven(scenario, found.gradient_norm_bound, lowest, lowest)
    certified = 1 - lowest / found.relaxed.gradient_norm_bound <= CERTIFIED
    return replace(
        found,
        **head,
        status="optimal" if certified else "inaccurate",
        message=message,
        relaxed_bound=lowest,
        proven_bound=lowest,
    )


def _by_law(
    scenario: Scenario, design: Scheme, method: str, robust: bool, file: str | Path | None
) -> PlanResult:
    """Plan on the scenario's emulator, from the exact plan within what was recorded."""
    emulator = load_emulator(scenario, file)
    if robust and method == "measured":
        raise InputError(
            "--robust must go with a method that has a worst case; got method 'measured'. Choose "
            "another method, or plan without."
        )
    known = plan(within_recorded(scenario, emulator), design.name)
    if known.plan is None:
        return replace(known, scenario=scenario, method=method)
    if method == "measured":
        return plan_for_measured(scenario, design, emulator, known.plan)
    return plan_for_loss(scenario, design, emulator.laws if robust else [emulator], known.plan)


def _proven(scenario: Scenario, bound: float, of_alike: float, of_any: float) -> str:
    """Say by how much a plan can be better: one of alike whole rounds, and any at all.

    Branch and bound has proven the first. Whole batches that differ from round to round can be on
    average what no whole batch is, so of them only the relaxation tells.
    """
    alike, other = (f"{max(1 - lowest / bound, 0):.2%}" for lowest in (of_alike, of_any))
    by_what = " of (34), which does not hold here" if scenario.federation.departures else ""
    if alike == other:
        return f"No plan can be better by more than {other}{by_what}."
    return (
        f"No plan of alike rounds can be better by more than {alike}{by_what}, none at all by more "
        f"than {other}."
    )


def _breaches(best: Plan, scenario: Scenario) -> str:
    broken = evaluate(best, scenario).violations
    if not broken:
        return "Rounded to the nearest integers; all limits hold."
    listed = ", ".join(f"{key} by {excess:.2%}" for key, excess in broken.items())
    return f"Rounded to the nearest integers, which exceeds {listed}."


def _algorithm1(problem: Problem, scheme: Scheme, grid: int, printed: bool) -> Search:
    """Round what Algorithm 1 found; the relaxation is there for the certificate alone.

    As printed it runs all stages of the scheme, also those of which no round fits.
    """
    relaxed = relax(problem)
    proven = relaxed.lower_bound if relaxed else math.inf
    if printed:
        return Search(relaxed, solve_as_printed(problem.scenario, scheme, grid), proven)
    single = best_search(one_round(part) for part in problem.parts)
    if relaxed is None:
        return single
    found = solve_algorithm1(problem.scenario, problem.scheme, grid)
    rounded = found and round_near(problem.part_of(*found.cell), found)
    return Search(relaxed, rounded or single.rounded, proven)
