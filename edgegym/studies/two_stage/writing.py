"""What a figure leaves in its run folder: pictures, their numbers, tables, the paper's claims."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from edgegym.learning.images import full_name
from edgegym.learning.sources import find_data_dir
from edgegym.results.statistics import interval95
from edgegym.runs.files import write_figure, write_whole
from edgegym.runs.manifest import PLANNED_ALONE, Manifest, make_manifest, save_manifest
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


def write_played(
    run_dir: Path,
    number: int,
    manifest: Manifest,
    results: pd.DataFrame,
    rounds: pd.DataFrame,
    data_dir: str | None,
) -> tuple[list[Claim], pd.DataFrame]:
    """Draw Figs. 2 to 5 from played episodes, judge the claims and write all.

    Parameters
    ----------
    run_dir, manifest : the run folder, and what it was begun with
    number : of the figure
    results, rounds : one row per episode, and one per round
    data_dir : where the data sets lie

    Returns
    -------
    What the paper says of this figure, and the results with their schemes and budgets
    """
    scenario = manifest.read_scenario()
    results = label_rows(results, manifest.designs)
    n_seeds = len(manifest.seeds)
    title = f"{name_data(scenario, data_dir)}, {n_seeds} seed{'s' * (n_seeds > 1)}, within {{}}"
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
    return _write_claims(run_dir, number, claims), results


def _held_budget(scenario: Scenario, swept: str) -> str:
    if swept == "delay_budget_s":
        return f"{scenario.energy_budget_j:g} J"
    return f"{scenario.delay_budget_s:g} s"


def name_data(scenario: Scenario, data_dir: str | None) -> str:
    """Say what is learned from what, and where it is a sample only."""
    task, folder = scenario.learning, find_data_dir(data_dir)
    source, target = (
        full_name(name, folder) for name in (task.pretrain_dataset, task.finetune_dataset)
    )
    turned = f", turned by {task.finetune_rotation_deg:g}°" if task.finetune_rotation_deg else ""
    return f"{source} to {target}{turned}"


def write_distances(
    run_dir: Path, scenario: Scenario, seeds: list[int], stages: pd.DataFrame
) -> list[Claim]:
    """Draw Fig. 6 from the plans of `plan_distances`, judge the claims and write all."""
    manifest = make_manifest(scenario, seeds, designs={}, job="figure", figure=PLANNED_ALONE)
    save_manifest(manifest, run_dir)
    joint = stages[stages["scheme"] == "joint"]
    groups = joint.drop(columns=["channel", "scheme"]).groupby("distribution_distance")
    half = interval95(groups).add_suffix("_interval").replace({np.nan: 0.0})
    title = f"Scenario {scenario.name}, {joint['channel'].nunique()} channels"
    numbers = groups.mean().join(half).reset_index()
    write_whole(run_dir / "results.csv", stages.to_csv(index=False))
    _write_figure(run_dir, PLANNED_ALONE, plot_distances(numbers, title), numbers)
    return _write_claims(run_dir, PLANNED_ALONE, list(judge_distances(joint)))


def _write_figure(run_dir: Path, number: int, picture: Figure, numbers: pd.DataFrame) -> None:
    write_whole(run_dir / f"figure-{number}.csv", numbers.to_csv(index=False))
    for ending in ("png", "svg"):
        write_figure(run_dir / f"figure-{number}.{ending}", picture)


def _write_claims(run_dir: Path, number: int, claims: list[Claim]) -> list[Claim]:
    """Write all claims that were judged, and give those of the figure that was asked for."""
    write_whole(run_dir / "claims.csv", pd.DataFrame(map(vars, claims)).to_csv(index=False))
    return [claim for claim in claims if claim.figure == number]
