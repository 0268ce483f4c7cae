"""`edgegym plan`: one plan, in plain words or as JSON."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from edgegym.cli.options import (
    AsJson,
    Changes,
    Grid,
    MethodName,
    ScenarioName,
    SchemeName,
    Seed,
    SystemName,
    read_scenario,
)
from edgegym.cli.printing import print_json, print_table
from edgegym.results.numbers import number
from edgegym.results.plans import describe
from edgegym.runs.designs import only_for
from edgegym.runs.files import write_whole
from edgegym.systems.system import system_of

#: What people read as sentences below the table.
IN_WORDS = ("message", "remarks", "bound_per_s", "bound_per_j", "binding")


def plan(
    scenario: ScenarioName = None,
    system: SystemName = None,
    scheme: SchemeName = None,
    method: MethodName = "exact",
    grid: Grid = 6,
    rounding: Annotated[
        str,
        typer.Option(
            "--rounding",
            help="feasible, or paper: with --method sca Algorithm 1 as printed, limits or not",
        ),
    ] = "feasible",
    robust: Annotated[
        bool,
        typer.Option(
            "--robust",
            help="Best in the worst case: of the constants' intervals, or with --method emulator "
            "of the laws that fit the recorded runs.",
        ),
    ] = False,
    emulator: Annotated[
        Path | None,
        typer.Option("--emulator", help="What `edgegym calibrate` fitted; else the shipped one."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan to this file.")] = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Plan every round ahead of time; planning draws nothing from the seed."""
    import baselines

    del seed  # every command takes one
    checked = read_scenario(scenario, changes, system)
    start = time.perf_counter()
    options: dict[str, Any] = only_for(method, grid)
    options |= {"rounding": rounding} if rounding != "feasible" else {}
    options |= {"robust": True} if robust else {}
    options |= {"emulator": emulator} if emulator else {}
    result = baselines.plan(checked, scheme, method, **options)
    report = describe(checked, result, time.perf_counter() - start)
    if result.plan is not None and out is not None:
        write_whole(out, result.plan.to_json())
    if as_json:
        print_json(report)
    if result.plan is None:
        unusual = system_of(checked).unusual(checked)
        print(*unusual, f"edgegym: {result.message}", sep="\n", file=sys.stderr)
        raise typer.Exit(2)
    if not as_json:
        _print_report(report)
        for sentence in result.sentences + report["remarks"]:
            print(sentence)


def _print_report(report: dict[str, Any]) -> None:
    table = Table(show_header=False)
    for key, value in report.items():
        if key in IN_WORDS:
            continue
        shown = number(value, ".6g")
        if isinstance(value, list):
            shown = "  ".join(number(entry, ".6g") for entry in value)
        elif value == {}:
            shown = "none"
        table.add_row(key, shown)
    print_table(table)
