"""One plan as figures and in words."""

import math
from typing import TYPE_CHECKING, Any

from edgegym.systems.two_stage.costs import evaluate
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.remarks import remarks
from edgegym.systems.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from baselines import PlanResult


def describe(scenario: Scenario, result: "PlanResult", seconds: float) -> dict[str, Any]:
    """Collect what `--json` promises; without a plan its values are None."""
    head = {
        "scenario": scenario.name,
        "scheme": result.scheme,
        "method": result.method,
        "status": result.status,
        "message": result.message,
        "remarks": remarks(scenario),
    }
    prices = result.sensitivity
    tail = {
        "bound_per_s": prices.bound_per_s if prices else None,
        "bound_per_j": prices.bound_per_j if prices else None,
        "binding": list(prices.binding) if prices else None,
        "proven_bound": result.proven_bound,
        "gradient_norm_bound": result.gradient_norm_bound,
        "relaxed_bound": result.relaxed_bound,
        "gap": result.gap,
        "seconds": seconds,
    }
    return head | _decisions(result.plan) | tail | _graded(scenario, result.plan)


def in_words(result: "PlanResult") -> list[str]:
    """Say what the certificate and the prices mean.

    Examples
    --------
    >>> from baselines import plan
    >>> from edgegym import load_scenario
    >>> for sentence in in_words(plan(load_scenario("mnist"))):
    ...     print(sentence)
    No plan can be better by more than 0.02%.
    One more second lowers the bound by 0.000123, one more joule by 0.000151 (near this optimum).
    These limits bind: delay_budget_s, energy_budget_j, max_pretrain_rounds, device_clock_limit_hz.
    """
    sentences, prices = [result.message], result.sensitivity
    if prices is not None and math.isfinite(prices.bound_per_s):
        sentences.append(
            f"One more second lowers the bound by {prices.bound_per_s:.3g}, one more joule by "
            f"{prices.bound_per_j:.3g} (near this optimum)."
        )
        sentences.append(f"These limits bind: {', '.join(prices.binding) or 'none'}.")
    return sentences


def _decisions(plan: Plan | None) -> dict[str, Any]:
    """Write what a plan's rounds do; all rounds of a stage are alike."""
    server = dict.fromkeys(("pretrain_batch_size", "server_clock_hz"))
    devices = dict.fromkeys(("finetune_batch_size", "device_clock_hz", "device_tx_power_w"))
    values = {
        key: getattr(plan, key)[0].tolist() if plan and len(getattr(plan, key)) else None
        for key in server | devices
    }
    counts = {
        "n_pretrain_rounds": plan.n_pretrain_rounds if plan else None,
        "n_finetune_rounds": plan.n_finetune_rounds if plan else None,
    }
    return counts | values


def _graded(scenario: Scenario, plan: Plan | None) -> dict[str, Any]:
    if plan is None:
        return {"total_delay_s": None, "total_energy_j": None, "violations": None}
    outcome = evaluate(plan, scenario)
    return {
        "total_delay_s": outcome.total_delay_s,
        "total_energy_j": outcome.total_energy_j,
        "violations": outcome.violations,
    }
