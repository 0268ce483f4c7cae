"""What `edgegym compare` prints: one table, a row per design."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.table import Column, Table

from edgegym.cli.printing import print_json, print_table
from edgegym.cli.runs import print_remarks
from edgegym.results.measures import measures_of
from edgegym.results.numbers import with_half_width
from edgegym.runs.manifest import Manifest
from edgegym.systems.measure import Measure


def report(
    run_dir: Path, manifest: Manifest, results: pd.DataFrame, rounds: pd.DataFrame, as_json: bool
) -> None:
    """Write tables and pictures into the run folder, and print the means."""
    from edgegym.results.comparison import write_comparison

    scenario = manifest.scenario["name"]
    measures = measures_of(manifest.find_system(), manifest.read_scenario())
    title = f"Scenario {scenario}, mean and 95 % interval of {len(manifest.seeds)} seeds"
    summary = write_comparison(run_dir, results, rounds, title, measures)
    if as_json:
        rows = summary.to_dict(orient="records")
        return print_json({"scenario": scenario, "run": str(run_dir), "rows": rows})
    print_table(_table(summary, title, measures))
    print_remarks(manifest, results, "have no final losses")
    print(f"Written to {run_dir}: results.csv, rounds.csv, devices.csv, manifest.json and pictures")


def _table(summary: pd.DataFrame, title: str, measures: Sequence[Measure]) -> Table:
    """Lay the summary out for people; the lowest test loss stands in bold."""
    headings = (measure.heading for measure in measures)
    table = Table(Column("design", no_wrap=True), *headings, title=title)
    losses = summary["test_loss"].astype(float)
    best = losses.idxmin() if losses.notna().any() else None
    for index, row in summary.iterrows():
        cells = [
            with_half_width(row[m.name], row.get(f"{m.name}_interval"), m.form) for m in measures
        ]
        table.add_row(row["design"], *cells, style="bold" if index == best else "")
    return table
