"""What `edgegym figure N` writes and prints: the picture, its numbers, the paper's claims."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.table import Column, Table

from edgegym.cli.printing import print_json, print_table
from edgegym.cli.runs import print_remarks
from edgegym.results.statistics import interval95
from edgegym.runs.files import write_figure, write_whole
from edgegym.runs.manifest import Manifest, save_manifest
from edgegym.studies.two_stage.claims import (
    Claim,
    judge_budgets,
    judge_convergence,
    judge_distances,
)
from edgegym.studies.two_stage.figures import loss_curves, plot_accuracy, plot_distances, plot_loss
from edgegym.studies.two_stage.sweep import SWEPT, accuracy_by_budget, label_rows
from edgegym.systems.two_stage.scenario import Scenario

X_OF_LOSS = {2: "delay_s", 3: "energy_j"}


def report_played(
    run_dir: Path,
    number: int,
    manifest: Manifest,
    results: pd.DataFrame,
    rounds: pd.DataFrame,
    data: str,
    as_json: bool,
) -> None:
    """Draw Figs. 2 to 5 from played episodes, judge the claims, write and print all."""
    scenario = manifest.read_scenario()
    results = label_rows(results, manifest.designs)
    n_seeds = len(manifest.seeds)
    title = f"{data}, {n_seeds} seed{'s' * (n_seeds > 1)}, within {{}}"
    claims = list[Claim]()
    if number in SWEPT:
        key = SWEPT[number]
        held = _held_budget(scenario, key)
        points = accuracy_by_budget(results, key)
        _write_figure(run_dir, number, plot_accuracy(points, key, title.format(held)), points)
        claims += judge_budgets(number, key, results, getattr(scenario, key))
    else:
        title = title.format(f"{scenario.delay_budget_s:g} s and {scenario.energy_budget_j:g} J")
        rounds = label_rows(rounds, manifest.designs)
        write_whole(run_dir / "rounds.csv", rounds.to_csv(index=False))
        for drawn, x in X_OF_LOSS.items():
            curves = loss_curves(rounds, x)
            _write_figure(run_dir, drawn, plot_loss(curves, x, title), curves)
            claims += judge_convergence(drawn, results, curves)
    write_whole(run_dir / "results.csv", results.to_csv(index=False))
    _report_claims(run_dir, number, claims, as_json)
    if not as_json:
        print_remarks(manifest, results.assign(design=results["scheme"]), "have no final figures")


def _held_budget(scenario: Scenario, swept: str) -> str:
    if swept == "delay_budget_s":
        return f"{scenario.energy_budget_j:g} J"
    return f"{scenario.delay_budget_s:g} s"


def report_distances(
    run_dir: Path, manifest: Manifest, stages: pd.DataFrame, as_json: bool
) -> None:
    """Draw Fig. 6 from plans, judge the claims, write and print all."""
    save_manifest(manifest, run_dir)
    joint = stages[stages["scheme"] == "joint"]
    groups = joint.drop(columns=["channel", "scheme"]).groupby("distribution_distance")
    half = groups.agg(interval95).add_suffix("_interval").replace({np.nan: 0.0})
    title = f"Scenario {manifest.scenario['name']}, {joint['channel'].nunique()} channels"
    numbers = groups.mean().join(half).reset_index()
    write_whole(run_dir / "results.csv", stages.to_csv(index=False))
    _write_figure(run_dir, 6, plot_distances(numbers, title), numbers)
    _report_claims(run_dir, 6, list(judge_distances(joint)), as_json)


def _write_figure(run_dir: Path, number: int, picture: Figure, numbers: pd.DataFrame) -> None:
    write_whole(run_dir / f"figure-{number}.csv", numbers.to_csv(index=False))
    for ending in ("png", "svg"):
        write_figure(run_dir / f"figure-{number}.{ending}", picture)


def _report_claims(run_dir: Path, number: int, claims: list[Claim], as_json: bool) -> None:
    """Write all claims that were judged, and print those of the figure that was asked for."""
    write_whole(run_dir / "claims.csv", pd.DataFrame(map(vars, claims)).to_csv(index=False))
    asked = [claim for claim in claims if claim.figure == number]
    if as_json:
        rows = [vars(claim) for claim in asked]
        return print_json({"figure": number, "run": str(run_dir), "claims": rows})
    table = Table("The paper says", "measured here", Column("", no_wrap=True), leading=1)
    for claim in asked:
        table.add_row(claim.claim, claim.measured, claim.verdict)
    print_table(table)
    name = f"figure-{number}"
    print(f"Written to {run_dir}: {name}.png, {name}.svg, {name}.csv, results.csv and claims.csv")
