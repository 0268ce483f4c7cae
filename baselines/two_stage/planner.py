"""One door to every planner: a scenario, a scheme and a method in, a graded plan out."""

import math
from dataclasses import dataclass, replace
from typing import Any

from baselines.two_stage.algorithm1 import solve_algorithm1, solve_as_printed
from baselines.two_stage.by_law.planner import plan_by_law
from baselines.two_stage.feasibility import explain_infeasibility, usable_stages
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.relaxation import CERTIFIED, Relaxation, relax
from baselines.two_stage.rounding import as_plan, round_near
from baselines.two_stage.schemes import Scheme, find_scheme
from baselines.two_stage.search import NOTHING_FITS, Search, best_search, one_round, search
from baselines.two_stage.sensitivity import Sensitivity, sensitivity
from baselines.two_stage.static import best_delay_s, ending_within, explain_no_delay, lowest_bound
from edgegym.errors import InputError, unknown_name
from edgegym.systems.two_stage.emulator import load_emulator
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

METHODS = ("exact", "sca", "emulator", "target")
ROUNDINGS = ("feasible", "paper")
GRID_POINTS = 6
#: Of a law, and of several.
FORETELLS = ("The emulator foretells", "The worst of the laws that fit the runs foretells")

#: What Algorithm 1 as printed says where one stage alone would fit.
NO_CELL = (
    "delay_budget_s and energy_budget_j must allow a round of each stage, as Algorithm 1 is "
    "printed; got no cell with M, N >= 1 that fits. Raise both, or choose rounding 'feasible'."
)


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """A plan and its certificate; `plan` is None where no plan fits, and `message` says why."""

    scenario: Scenario
    scheme: str
    method: str
    status: str  # "optimal", "inaccurate", "local" or "infeasible"
    message: str
    plan: Plan | None = None
    gradient_norm_bound: float = math.inf
    relaxed_bound: float = math.inf  # no plan is below, not even with real rounds and batches
    proven_bound: float = math.inf  # no integer plan is below
    relaxed: Relaxation | None = None
    foretold_loss: float | None = None  # nats, where a law was planned on, not a bound

    @property
    def gap(self) -> float:
        """How far the plan can be from the best feasible integer plan, relative."""
        return (self.gradient_norm_bound - self.relaxed_bound) / self.relaxed_bound

    @property
    def sensitivity(self) -> Sensitivity | None:
        """What another second or joule would bring, and which limits bind."""
        if self.relaxed is None:
            return None
        return sensitivity(pose(self.scenario, find_scheme(self.scheme)), self.relaxed)

    @property
    def value(self) -> float:
        """What was minimised, as every system's result has it."""
        return self.gradient_norm_bound if self.foretold_loss is None else self.foretold_loss

    @property
    def lower_bound(self) -> float:
        """What no plan is below, as every system's result has it."""
        return self.relaxed_bound

    @property
    def figures(self) -> dict[str, Any]:
        """The bounds, the certificate and the shadow prices by name; None where there is none."""
        prices = self.sensitivity
        return {
            "bound_per_s": prices.bound_per_s if prices else None,
            "bound_per_j": prices.bound_per_j if prices else None,
            "binding": list(prices.binding) if prices else None,
            "proven_bound": self.proven_bound,
            "gradient_norm_bound": self.gradient_norm_bound,
            "relaxed_bound": self.relaxed_bound,
            "gap": self.gap,
            "foretold_loss": self.foretold_loss,
        }

    @property
    def sentences(self) -> list[str]:
        """What the certificate and the prices mean.

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> plan(load_scenario("mnist")).sentences[1][:58]
        'One more second lowers the bound by 0.000123, one more jou'
        """
        prices = self.sensitivity
        if prices is None or not math.isfinite(prices.bound_per_s):
            return [self.message]
        return [
            self.message,
            f"One more second lowers the bound by {prices.bound_per_s:.3g}, one more joule by "
            f"{prices.bound_per_j:.3g} (near this optimum).",
            f"These limits bind: {', '.join(prices.binding) or 'none'}.",
        ]


def plan(
    scenario: Scenario,
    scheme: str = "joint",
    method: str = "exact",
    grid: int = GRID_POINTS,
    rounding: str = "feasible",
    robust: bool = False,
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
        "target", the exact plan for bound "target", whichever the scenario's is
    grid : points on each axis of Algorithm 1's first grid over (M, N)
    rounding : "feasible" polishes what Algorithm 1 leaves: it may leave out a stage, and around its
        best cell the best integers within all limits get the cheapest clocks and powers. "paper",
        for method "sca" alone, is Algorithm 1 as printed: M, N >= 1, batches rounded to the
        nearest integers in every cell, SCA's own clocks and powers, whatever limits that breaks;
        the message says which
    robust : for method "emulator" alone, the best plan in the worst case of the laws that might as
        well have been fitted, on recorded runs drawn with replacement

    Returns
    -------
    PlanResult, with status "infeasible" and no plan where the budgets allow no round, and
    "inaccurate" where the solver could not certify the relaxed bound

    Raises
    ------
    InputError
        If there is no such scheme, method or rounding, no emulator for method "emulator", or no
        constants for method "target".

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
    if robust and method != "emulator":
        raise InputError(
            f"--robust must go with method 'emulator', whose law has an interval; got method "
            f"{method!r}. Choose method 'emulator', or plan without."
        )
    if method == "emulator":
        return _by_law(scenario, design, robust)
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
        message = _proven(scenario, max(1 - found.proven_bound / bound, 0))
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
    by_most = max(1 - lowest / found.gradient_norm_bound, 0)
    message = found.message if rounding == "paper" else _proven(scenario, by_most)
    certified = 1 - lowest / found.relaxed.gradient_norm_bound <= CERTIFIED
    return replace(
        found,
        **head,
        status="optimal" if certified else "inaccurate",
        message=message,
        relaxed_bound=lowest,
        proven_bound=lowest,
    )


def _by_law(scenario: Scenario, design: Scheme, robust: bool) -> PlanResult:
    """Plan on the law of the scenario's emulator, or on all that might have been fitted."""
    head: dict[str, Any] = {"scenario": scenario, "scheme": design.name, "method": "emulator"}
    emulator = load_emulator(scenario)
    before, after = (
        max(recorded.limits[0], 1)
        for recorded in (emulator.recorded_pretrain, emulator.recorded_finetune)
    )
    rounds = {
        "max_pretrain_rounds": min(scenario.max_pretrain_rounds, before),
        "max_finetune_rounds": min(scenario.max_finetune_rounds, after),
    }
    known = plan(scenario.model_copy(update=rounds), design.name)
    if known.plan is None:
        return PlanResult(**head, status="infeasible", message=known.message)
    found = plan_by_law(scenario, design, emulator.laws if robust else [emulator], known.plan)
    if found is None:
        message = (
            f"method 'emulator' must stay within what was recorded, {emulator.recorded_in_words()};"
            f" got no such round of scheme {design.name} within {scenario.delay_budget_s:g} s and "
            f"{scenario.energy_budget_j:g} J. Raise the budgets, or choose method 'exact'."
        )
        return PlanResult(**head, status="infeasible", message=message)
    beside = (
        f"of the best constant plan for (34) {found.constant_loss:.3f}"
        if math.isfinite(found.constant_loss)
        else "the best constant plan for (34) leaves what was recorded"
    )
    return PlanResult(
        **head,
        status="local",
        message=f"{FORETELLS[robust]} a loss of {found.loss:.3f}, {beside}. No plan is proven "
        "to be the best on its law.",
        plan=found.plan,
        gradient_norm_bound=evaluate(found.plan, scenario).gradient_norm_bound,
        relaxed_bound=math.nan,
        proven_bound=math.nan,
        foretold_loss=found.loss,
    )


def _proven(scenario: Scenario, by_most: float) -> str:
    by_what = " of (34), which does not hold here" if scenario.federation.departures else ""
    return f"No plan can be better by more than {by_most:.2%}{by_what}."


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
