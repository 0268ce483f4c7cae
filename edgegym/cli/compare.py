"""`edgegym compare`, the main job: which design learns best within the same budgets."""

from functools import partial
from pathlib import Path

import pandas as pd
import typer
from rich.table import Column, Table

from edgegym.cli.agents import find_agents
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    ScenarioName,
    Seed,
    read_scenario,
)
from edgegym.cli.printing import (
    number,
    print_json,
    print_table,
    progress_console,
    with_half_width,
)
from edgegym.cli.runs import (
    N_CORES,
    Agents,
    Algo,
    Backend,
    Jobs,
    Out,
    Resume,
    RoundsPerStep,
    Seeds,
    carry_out,
    new_run_dir,
    print_remarks,
    require_alone,
)
from edgegym.runs.campaign import BENCHMARKS, plan_design, require_a_plan
from edgegym.runs.manifest import Design, Manifest, load_manifest, make_manifest
from edgegym.systems.two_stage.scenario import Scenario

#: Rows of the table: the joint design by Algorithm 1 and by the exact planner, and the benchmarks,
#: each at its certified best.
DESIGNS = {
    "joint-algorithm1": ("joint", "sca"),
    "joint-exact": ("joint", "exact"),
    **BENCHMARKS,
}


def compare(
    context: typer.Context,
    scenario: ScenarioName = "digits",
    agent: Agents = None,
    algo: Algo = None,
    rounds_per_step: RoundsPerStep = None,
    seeds: Seeds = 5,
    seed: Seed = 0,
    grid: Grid = 6,
    jobs: Jobs = N_CORES,
    backend: Backend = "processes",
    device: Device = "auto",
    data_dir: DataDir = None,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Plan every design, play each with real training over several seeds, print one table.

    Saved agents play beside the designs, one row each, on the same seeds. Writes results.csv (a row
    per episode), rounds.csv (a row per round), manifest.json and the loss over time and over energy
    as pictures.
    """
    require_alone(resume, context)
    known = load_manifest(resume) if resume else None
    begun = known or make_manifest(
        read_scenario(scenario, changes),
        list(range(seed, seed + seeds)),
        designs={},
        agents=find_agents(agent or [], algo, rounds_per_step),
    )
    checked = begun.read_scenario()
    run_dir = resume or out or new_run_dir("compare", checked.name)
    plan = None if known else partial(plan_designs, checked, grid)
    done = carry_out(
        begun, plan, run_dir, jobs=jobs, backend=backend, device=device, data_dir=data_dir
    )
    _report(run_dir, *done, as_json)


def plan_designs(scenario: Scenario, grid: int) -> dict[str, Design]:
    """Plan every row of the table.

    Raises
    ------
    InputError
        If the budgets allow none of them.
    """
    designs = {}
    with progress_console.status("Planning"):
        for name, (scheme, method) in DESIGNS.items():
            designs[name] = plan_design(scenario, scheme, method, grid)
    require_a_plan(designs)
    return designs


def _report(
    run_dir: Path, manifest: Manifest, results: pd.DataFrame, rounds: pd.DataFrame, as_json: bool
) -> None:
    from edgegym.results.curves import plot_convergence
    from edgegym.results.statistics import summarise
    from edgegym.runs.files import write_figure, write_whole

    summary, scenario = summarise(results), manifest.scenario["name"]
    write_whole(run_dir / "results.csv", results.to_csv(index=False))
    write_whole(run_dir / "rounds.csv", rounds.to_csv(index=False))
    title = f"Scenario {scenario}, mean and 95 % interval of {len(manifest.seeds)} seeds"
    for x, file_name in (("delay_s", "loss-over-time.png"), ("energy_j", "loss-over-energy.png")):
        write_figure(run_dir / file_name, plot_convergence(rounds, x, title))
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
