"""`edgegym plan`: one plan, in plain words or as JSON."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from edgegym.cli.options import (
    AsJson,
    Changes,
    Grid,
    MethodName,
    ScenarioName,
    SchemeName,
    Seed,
    print_json,
    read_scenario,
)
from edgegym.evaluation.files import write_whole
from edgegym.two_stage.costs import evaluate
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from baselines import PlanResult


def plan(
    scenario: ScenarioName = "digits",
    scheme: SchemeName = "joint",
    method: MethodName = "exact",
    grid: Grid = 6,
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan to this file.")] = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Plan every round of both stages ahead of time; planning draws nothing from the seed."""
    import baselines

    del seed  # every command takes one
    checked = read_scenario(scenario, changes)
    start = time.perf_counter()
    result = baselines.plan(checked, scheme=scheme, method=method, grid=grid)
    report = describe(checked, result, time.perf_counter() - start)
    if result.plan is not None and out is not None:
        write_whole(out, result.plan.to_json())
    if as_json:
        print_json(report)
    if result.plan is None:
        print(f"edgegym: {result.message}", file=sys.stderr)
        raise typer.Exit(2)
    if not as_json:
        _print_report(report)


def describe(scenario: Scenario, result: "PlanResult", seconds: float) -> dict[str, Any]:
    """Collect what `--json` promises; without a plan its values are None."""
    head = {
        "scenario": scenario.name,
        "scheme": result.scheme,
        "method": result.method,
        "status": result.status,
        "message": result.message,
    }
    tail = {
        "gradient_norm_bound": result.gradient_norm_bound,
        "relaxed_bound": result.relaxed_bound,
        "gap": result.gap,
        "seconds": seconds,
    }
    return head | _decisions(result.plan) | tail | _graded(scenario, result.plan)


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


def _print_report(report: dict[str, Any]) -> None:
    table = Table(show_header=False)
    for key, value in report.items():
        shown = value if value is not None else "-"
        if isinstance(value, float):
            shown = f"{value:.6g}"
        elif isinstance(value, list):
            shown = "  ".join(f"{entry:.6g}" for entry in value)
        elif value == {}:
            shown = "none"
        table.add_row(key, str(shown))
    Console().print(table)
