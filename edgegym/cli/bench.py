"""`edgegym bench`: this machine beside a reference, as ratios within one run."""

from typing import Annotated

import typer

from edgegym.cli.bench_fading import bench_fading
from edgegym.cli.bench_learning import bench_learning
from edgegym.cli.bench_sizes import Repeats, bench_devices, bench_vector
from edgegym.cli.command_line import CommandLine
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
from edgegym.cli.printing import print_rows
from edgegym.cli.progress import telling

app = CommandLine(help="Speed of this machine beside its references.", no_args_is_help=True)
app.command("devices")(bench_devices)
app.command("fading")(bench_fading)
app.command("learning")(bench_learning)
app.command("vector")(bench_vector)


@app.command("env")
def bench_env(
    scenario: ScenarioName = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds in each run.")] = 50,
    repeats: Repeats = 5,
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Time the environment's rounds beside a bare PyTorch loop that runs the same rounds.

    Both look at the validation loss as often as the scenario says; `no_validation_ratio` is
    against the same loop without those looks.
    """
    from edgegym.bench.environment import environment_rows

    checked = read_scenario(scenario, changes, "two-stage")
    with telling() as on_progress:
        rows = environment_rows(
            checked,
            rounds=rounds,
            repeats=repeats,
            seed=seed,
            device=device,
            data_dir=data_dir,
            on_progress=on_progress,
        )
    print_rows(rows, as_json)


@app.command("planner")
def bench_planner(
    scenario: ScenarioName = "mnist",
    devices: Annotated[
        list[int] | None, typer.Option("--devices", min=1, help="Numbers of devices, repeatable.")
    ] = None,
    grid: Grid = 6,
    repeats: Repeats = 101,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Time the exact planner beside Algorithm 1 on the same scenario, with both bounds.

    Cold compiles the program with CVXPY, warm is a whole plan with its rounding. Devices beyond
    the scenario's take the present ones' values in turn.
    """
    from edgegym.bench.planner import planner_rows

    del seed  # every command takes one, and planning draws nothing
    checked, numbers = read_scenario(scenario, changes, "two-stage"), devices or (3, 100)
    with telling() as on_progress:
        rows = planner_rows(checked, numbers, grid=grid, repeats=repeats, on_progress=on_progress)
    print_rows(rows, as_json)
