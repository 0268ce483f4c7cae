"""`edgegym compare`, the main job: which design learns best within the same budgets."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    ScenarioName,
    Seed,
    print_json,
    progress_console,
    read_scenario,
)
from edgegym.envs.ledger import EndCode
from edgegym.errors import InputError
from edgegym.evaluation.manifest import (
    Design,
    Manifest,
    load_manifest,
    make_manifest,
    require_new,
    save_manifest,
)
from edgegym.two_stage.scenario import Scenario

#: Rows of the table: the joint design by Algorithm 1 and by the exact planner, and the benchmarks,
#: each at its certified best.
DESIGNS = {
    "joint-algorithm1": ("joint", "sca"),
    "joint-exact": ("joint", "exact"),
    "fixed-power": ("fixed-power", "exact"),
    "fixed-clock": ("fixed-clock", "exact"),
    "fixed-batch": ("fixed-batch", "exact"),
    "pretrain-only": ("pretrain-only", "exact"),
    "finetune-only": ("finetune-only", "exact"),
}


def compare(
    scenario: ScenarioName = "digits",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")] = 5,
    seed: Seed = 0,
    grid: Grid = 6,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Processes, one torch thread each.")
    ] = os.cpu_count() or 1,
    device: Device = "auto",
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run folder; else one below runs/.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Finish what a killed run left in its folder.")
    ] = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Plan every design, play each with real training over several seeds, print one table.

    Writes results.csv (a row per episode), rounds.csv (a row per round), manifest.json and the
    loss over time and over energy as pictures.
    """
    from edgegym.evaluation.compare import prepare, start_workers

    known = load_manifest(resume) if resume else None
    checked = known.read_scenario() if known else read_scenario(scenario, changes)
    run_dir = resume or out or _run_dir(checked)
    if known is None:
        require_new(run_dir)
    with start_workers(jobs) as pool:
        prepared = pool.submit(prepare, checked, device, data_dir)
        designs = known.designs if known else plan_designs(checked, grid)
        progress_console.print(prepared.result())
        manifest = known or make_manifest(checked, list(range(seed, seed + seeds)), designs)
        if known is None:
            save_manifest(manifest, run_dir)
        results, rounds = _play(pool, manifest, run_dir, device, data_dir)
    _report(manifest, run_dir, results, rounds, as_json)


def _run_dir(scenario: Scenario) -> Path:
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-compare-{scenario.name}"


def plan_designs(scenario: Scenario, grid: int) -> dict[str, Design]:
    """Plan every row of the table.

    Raises
    ------
    InputError
        If the budgets allow none of them.
    """
    import baselines

    designs = {}
    with progress_console.status("Planning"):
        for name, (scheme, method) in DESIGNS.items():
            result = baselines.plan(scenario, scheme=scheme, method=method, grid=grid)
            designs[name] = Design(
                scheme=scheme,
                method=method,
                status=result.status,
                message=result.message,
                plan=json.loads(result.plan.to_json()) if result.plan else None,
            )
    if all(design.plan is None for design in designs.values()):
        raise InputError(designs["joint-exact"].message)
    return designs


def _play(
    pool: ProcessPoolExecutor,
    manifest: Manifest,
    run_dir: Path,
    device: str,
    data_dir: str | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from edgegym.evaluation.compare import collect, play_designs

    plans, seeds = manifest.read_plans(), manifest.seeds
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=progress_console) as progress:
        task = progress.add_task("Playing", total=None)
        play_designs(
            pool,
            manifest.read_scenario(),
            plans,
            seeds,
            run_dir,
            device=device,
            data_dir=data_dir,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    return collect(plans, seeds, run_dir)


def _report(
    manifest: Manifest, run_dir: Path, results: pd.DataFrame, rounds: pd.DataFrame, as_json: bool
) -> None:
    from edgegym.evaluation.files import write_figure, write_whole
    from edgegym.evaluation.statistics import summarise
    from edgegym.figures.convergence import plot_convergence

    summary, scenario = summarise(results), manifest.scenario["name"]
    write_whole(run_dir / "results.csv", results.to_csv(index=False))
    write_whole(run_dir / "rounds.csv", rounds.to_csv(index=False))
    title = f"Scenario {scenario}, mean and 95 % interval of {len(manifest.seeds)} seeds"
    for x, file_name in (("delay_s", "loss-over-time.png"), ("energy_j", "loss-over-energy.png")):
        write_figure(run_dir / file_name, plot_convergence(rounds, x, title))
    if as_json:
        rows = summary.to_dict(orient="records")
        return print_json({"scenario": scenario, "run": str(run_dir), "rows": rows})
    Console().print(_table(summary, title))
    for name, design in manifest.designs.items():
        if design.plan is None:
            print(f"{name} is {design.status}: {design.message}")
    diverged = results.loc[results["end_code"] == EndCode.DIVERGED, "design"]
    for diverging, n_runs in diverged.value_counts().items():
        print(f"{diverging}: training diverged in {n_runs} runs, which have no final losses.")
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
            _with_interval(row[column], row[f"{column}_interval"])
            for column in ("train_loss", "test_loss", "test_accuracy")
        )
        table.add_row(
            row["design"],
            *uncertain,
            f"{row['total_delay_s']:.1f}",
            f"{row['total_energy_j']:.2f}",
            f"{row['gradient_norm_bound']:.4f}",
            f"{row['n_pretrain_rounds']:.0f}",
            f"{row['n_finetune_rounds']:.0f}",
            style="bold" if index == best else "",
        )
    return table


def _with_interval(mean: float | None, half_width: float | None) -> str:
    if mean is None:
        return "-"
    return f"{mean:.3f}" if half_width is None else f"{mean:.3f} ± {half_width:.3f}"
