"""What `edgegym compare` prints: one table, a row per design."""

from pathlib import Path

import pandas as pd
from rich.table import Column, Table

from edgegym.cli.printing import number, print_json, print_table, with_half_width
from edgegym.cli.runs import print_remarks
from edgegym.runs.manifest import Manifest


def report(
    run_dir: Path, manifest: Manifest, results: pd.DataFrame, rounds: pd.DataFrame, as_json: bool
) -> None:
    """Write tables and pictures into the run folder, and print the means."""
    from edgegym.results.comparison import write_comparison

    scenario = manifest.scenario["name"]
    title = f"Scenario {scenario}, mean and 95 % interval of {len(manifest.seeds)} seeds"
    summary = write_comparison(run_dir, results, rounds, title)
    if as_json:
        rows = summary.to_dict(orient="records")
        return print_json({"scenario": scenario, "run": str(run_dir), "rows": rows})
    print_table(_table(summary, title))
    print_remarks(manifest, results, "have no final losses")
    print(f"Written to {run_dir}: results.csv, rounds.csv, manifest.json and two pictures")


def _table(summary: pd.DataFrame, title: str) -> Table:
    """Lay the summary out for people; the lowest test loss stands in bold."""
    table = Table(Column("design", no_wrap=True), title=title)
    for header in ("train loss", "test loss", "accuracy", "delay s", "energy J", "bound", "M", "N"):
        table.add_column(header)
    losses = summary["test_loss"].astype(float)
    best = losses.idxmin() if losses.notna().any() else None
    for index, row in summary.iterrows():
        uncertain = (
            with_half_width(row[column], row[f"{column}_interval"], ".3f")
            for column in ("train_loss", "test_loss", "test_accuracy")
        )
        table.add_row(
            row["design"],
            *uncertain,
            number(row["total_delay_s"], ".1f"),
            number(row["total_energy_j"], ".2f"),
            number(row["gradient_norm_bound"], ".4f"),
            number(row["n_pretrain_rounds"], ".0f"),
            number(row["n_finetune_rounds"], ".0f"),
            style="bold" if index == best else "",
        )
    return table
