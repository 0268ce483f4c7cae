"""`edgegym grid`: Algorithm 1's whole grid over (M, N), cell by cell, as a job that survives."""

import os
from pathlib import Path
from typing import Annotated

import typer

from edgegym.cli.options import AsJson, Changes, ScenarioName, SchemeName, Seed, read_scenario
from edgegym.cli.printing import print_json
from edgegym.cli.progress import counting
from edgegym.errors import InputError
from edgegym.results.numbers import number


def grid(
    scenario: ScenarioName = None,
    scheme: SchemeName = None,
    stride: Annotated[
        int, typer.Option("--stride", min=1, help="Solve every so many rounds of either stage.")
    ] = 1,
    out: Annotated[
        Path, typer.Option("--out", help="The folder; what it holds already is not solved again.")
    ] = Path("grid"),
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1)] = os.cpu_count() or 1,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Solve every cell (M, N) by the paper's SCA; killed and started again, it goes on.

    Writes one file for each M, then all cells as grid.csv, and prints the best one.
    """
    from edgegym.studies.two_stage.grid import solve_grid

    del seed  # every command takes one, and planning draws nothing
    checked = read_scenario(scenario, changes, "two-stage")
    with counting("Cells") as on_progress:
        cells = solve_grid(checked, scheme or "joint", stride, out, jobs, on_progress)
    feasible = cells.dropna()
    if feasible.empty:
        raise InputError("budgets must allow at least one cell; got none. Raise them.")
    best = feasible.sort_values("gradient_norm_bound").iloc[0].to_dict()
    report = {"cells": len(cells), "feasible": len(feasible), **best, "out": str(out)}
    if as_json:
        return print_json(report)
    print(
        f"Best of {len(cells):,} cells, {len(feasible):,} of them feasible: M = "
        f"{best['n_pretrain_rounds']:.0f}, N = {best['n_finetune_rounds']:.0f}, bound "
        f"{number(best['gradient_norm_bound'], '.6f')}. All are in {out / 'grid.csv'}."
    )
