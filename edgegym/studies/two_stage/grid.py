"""Algorithm 1's whole grid over (M, N), row by row in a folder that survives a kill."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from edgegym.errors import InputError
from edgegym.runs.files import write_whole
from edgegym.runs.workers import run_all, start_workers
from edgegym.systems.two_stage.scenario import Scenario

COLUMNS = ("n_pretrain_rounds", "n_finetune_rounds", "gradient_norm_bound")


def solve_grid(
    scenario: Scenario,
    scheme: str,
    stride: int,
    out: Path,
    jobs: int,
    on_progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """Solve every cell that the folder does not hold already, and write all as grid.csv.

    Parameters
    ----------
    scenario, scheme : what is planned
    stride : rounds of either stage from one cell to the next
    out : the folder, new or of the same grid
    jobs : processes
    on_progress : called with the cells done and all there are

    Returns
    -------
    A row per cell; what does not fit has no bound

    Raises
    ------
    InputError
        If the folder is another's, or one of its rows is damaged.
    """
    rows = _rows(scenario, stride)
    _claim(out, scenario, scheme, stride)
    missing = {m: cells for m, cells in rows.items() if not _file(out, m).exists()}
    calls = {m: partial(solve_row, scenario, scheme, cells) for m, cells in missing.items()}
    with start_workers(jobs) as pool:
        run_all(
            pool,
            calls,
            lambda m, text: write_whole(_file(out, m), text),
            on_progress,
            n_before=sum(len(cells) for m, cells in rows.items() if m not in missing),
            size=lambda m: len(missing[m]),
        )
    cells = pd.concat([_read(_file(out, m)) for m in rows], ignore_index=True)
    write_whole(out / "grid.csv", cells.to_csv(index=False))
    return cells


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


def solve_row(scenario: Scenario, scheme: str, cells: list[tuple[int, int]]) -> str:
    """Solve the cells of one M, as the text of a CSV file; what does not fit has no bound."""
    from baselines.two_stage.algorithm1 import solve_cells
    from baselines.two_stage.schemes import find_scheme

    found = solve_cells(scenario, find_scheme(scheme), cells)
    bounds = (None if cell is None else cell.gradient_norm_bound for cell in found.values())
    table = [(*cell, bound) for cell, bound in zip(found, bounds, strict=True)]
    return pd.DataFrame(table, columns=COLUMNS).sort_values(list(COLUMNS[:2])).to_csv(index=False)
