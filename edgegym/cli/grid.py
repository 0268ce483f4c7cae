"""`edgegym grid`: Algorithm 1's whole grid over (M, N), cell by cell, as a job that survives."""

import io
import os
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from edgegym.cli.options import (
    AsJson,
    Changes,
    ScenarioName,
    SchemeName,
    Seed,
    read_scenario,
)
from edgegym.cli.printing import number, print_json
from edgegym.cli.progress import counting
from edgegym.errors import InputError
from edgegym.runs.files import write_whole
from edgegym.systems.two_stage.scenario import Scenario

COLUMNS = ("n_pretrain_rounds", "n_finetune_rounds", "gradient_norm_bound")


def grid(
    scenario: ScenarioName = "digits",
    scheme: SchemeName = "joint",
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
    del seed  # every command takes one, and planning draws nothing
    checked = read_scenario(scenario, changes)
    rows = _rows(checked, stride)
    _claim(out, checked, scheme, stride)
    missing = {m: cells for m, cells in rows.items() if not _file(out, m).exists()}
    _solve(checked, scheme, rows, missing, out, jobs)
    cells = pd.concat([_read(_file(out, m)) for m in rows], ignore_index=True)
    write_whole(out / "grid.csv", cells.to_csv(index=False))
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


def _rows(scenario: Scenario, stride: int) -> dict[int, list[tuple[int, int]]]:
    """Cells of each M; the limits are always among them, no rounds at all never."""
    m_axis, n_axis = (
        sorted({*range(0, limit, stride), limit})
        for limit in (scenario.max_pretrain_rounds, scenario.max_finetune_rounds)
    )
    return {m: [(m, n) for n in n_axis if m + n > 0] for m in m_axis}


def _claim(out: Path, scenario: Scenario, scheme: str, stride: int) -> None:
    """Write what the folder is for, or refuse one that is for something else."""
    mark, text = out / "job.json", f"{scheme} {stride} {scenario.model_dump_json()}"
    if not mark.exists():
        if out.exists() and any(out.iterdir()):
            raise InputError(
                f"--out must be a new or a grid's folder; got {str(out)!r}. Name another."
            )
        return write_whole(mark, text)
    if mark.read_text(encoding="utf-8-sig") != text:
        raise InputError(
            f"--out must be the folder of the same scenario, scheme and stride; got {str(out)!r}. "
            "Name another, or give the options it was begun with."
        )


def _file(out: Path, m: int) -> Path:
    return out / "rows" / f"{m}.csv"


def _read(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(io.StringIO(path.read_text(encoding="utf-8-sig")))
        if tuple(frame.columns) == COLUMNS:
            return frame
    except (OSError, ValueError):
        pass
    raise InputError(f"grid row must be a file this command wrote; got {str(path)!r}. Delete it.")


def _solve(
    scenario: Scenario,
    scheme: str,
    rows: dict[int, Any],
    missing: dict[int, Any],
    out: Path,
    jobs: int,
) -> None:
    from edgegym.runs.pool import run_all, start_workers

    n_before = sum(len(cells) for m, cells in rows.items() if m not in missing)
    calls = {m: partial(solve_row, scenario, scheme, cells) for m, cells in missing.items()}
    with start_workers(jobs) as pool, counting("Cells") as on_progress:
        run_all(
            pool,
            calls,
            lambda m, text: write_whole(_file(out, m), text),
            on_progress,
            n_before=n_before,
            size=lambda m: len(missing[m]),
        )


def solve_row(scenario: Scenario, scheme: str, cells: list[tuple[int, int]]) -> str:
    """Solve the cells of one M, as the text of a CSV file; what does not fit has no bound."""
    from baselines.algorithm1 import solve_cells
    from baselines.schemes import find_scheme

    found = solve_cells(scenario, find_scheme(scheme), cells)
    bounds = (None if cell is None else cell.gradient_norm_bound for cell in found.values())
    table = [(*cell, bound) for cell, bound in zip(found, bounds, strict=True)]
    return pd.DataFrame(table, columns=COLUMNS).sort_values(list(COLUMNS[:2])).to_csv(index=False)
