"""`edgegym study`: what settles a question about a paper."""

from pathlib import Path
from typing import Annotated

import typer

from edgegym.cli.command_line import CommandLine
from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.printing import print_json, print_rows
from edgegym.cli.progress import counting
from edgegym.cli.runs import N_CORES, Jobs, Out, Seeds, new_run_dir

app = CommandLine(help="Studies that settle a question about a paper.", no_args_is_help=True)


@app.callback()
def study() -> None:
    """Settle a question about a paper."""


@app.command("heterogeneity")
def heterogeneity(
    scenario: ScenarioName = None,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Systems for each spread.")] = 20,
    seeds: Seeds = 3,
    jobs: Jobs = N_CORES,
    out: Out = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what planning blocks and bandwidth jointly is worth, over how unlike workers are.

    Latencies are planned, accuracies trained for real. Writes latencies.csv, accuracies.csv,
    summary.csv and a picture, and says where the abstract's 46 % and 4 % appear.
    """
    from edgegym.runs.files import write_figure, write_whole
    from edgegym.runs.pool import TRAINING_MODULES, start_workers
    from edgegym.studies import partitioned as study

    del seed  # every command takes one; the systems are those of draws 0, 1, ...
    checked = read_scenario(scenario, changes, "partitioned")
    run_dir: Path = out or new_run_dir("heterogeneity", checked.name)
    latencies = study.latency_rows(checked, study.DECADES, draws)
    with start_workers(jobs, preload=TRAINING_MODULES) as pool, counting("Training") as progress:
        accuracies = study.accuracy_rows(checked, study.DECADES, seeds, pool, data_dir, progress)
    summary = study.summarise_gains(latencies, accuracies)
    tables = {"latencies": latencies, "accuracies": accuracies, "summary": summary}
    for name, table in tables.items():
        write_whole(run_dir / f"{name}.csv", table.to_csv(index=False))
    title = f"Scenario {checked.name}, {draws} systems, {seeds} seeds"
    write_figure(run_dir / "gains.png", study.plot_gains(summary, title))
    rows, verdict = summary.to_dict(orient="records"), study.in_words(summary)
    if as_json:
        return print_json({"run": str(run_dir), "rows": rows, "verdict": verdict})
    print_rows([{str(key): value for key, value in row.items()} for row in rows], as_json=False)
    print(verdict)
    print(f"Written to {run_dir}: latencies, accuracies and summary, and a picture")
