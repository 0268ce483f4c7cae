"""`edgegym bench`: the speed of this machine beside a reference, as ratios within one run."""

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

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
from edgegym.errors import InputError
from edgegym.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from edgegym.envs.two_stage import TwoStageEdgeEnv

app = typer.Typer(help="Speed of this machine beside its references.", no_args_is_help=True)
Repeats = Annotated[int, typer.Option("--repeats", min=1, help="Runs of each, in turn.")]

BATCH_SIZES = (8, 32, 64, 128, 256)


@app.command("env")
def bench_env(
    scenario: ScenarioName = "digits",
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
    checked = read_scenario(scenario, changes)
    rows = []
    for stage in ("pretrain", "finetune"):
        for batch_size in BATCH_SIZES:
            with progress_console.status(f"{stage}, batch {batch_size}"):
                env = _endless_env(checked, batch_size, device, data_dir)
                times = [_time_once(env, stage, rounds, seed) for _ in range(repeats)]
            rows.append({"stage": stage, "batch_size": batch_size} | _medians(times, rounds))
    _show(rows, as_json)


def _endless_env(
    scenario: Scenario, batch_size: int, device: str, data_dir: str | None
) -> "TwoStageEdgeEnv":
    """Make an environment whose limits are this batch and whose budgets never end."""
    from edgegym.envs.two_stage import TwoStageEdgeEnv

    endless = scenario.replace(
        pretrain_batch_size_limit=batch_size,
        finetune_batch_size_limit=batch_size,
        max_pretrain_rounds=10**9,
        max_finetune_rounds=10**9,
        delay_budget_s=1e12,
        energy_budget_j=1e12,
    )
    return TwoStageEdgeEnv(endless, device=device, data_dir=data_dir)


def _time_once(env: "TwoStageEdgeEnv", stage: str, rounds: int, seed: int) -> dict[str, float]:
    """Time a run of the environment, of the bare loop, and of the loop without validation."""
    from edgegym.cli.bare_loop import bare_rounds

    env.reset(seed=seed)
    if stage == "finetune":
        env.step(env.action_codec.advance())
    learner = env.learner
    assert learner is not None
    action = -env.action_codec.advance()
    action[1:] *= -1  # everything at its limit, and no advance
    interval = env.scenario.learning.validation_interval
    sizes = [env.scenario.pretrain_batch_size_limit]
    if stage == "finetune":
        sizes = env.scenario.finetune_batch_size_limit.tolist()

    def loop(validation_interval: int | None) -> Callable[[], None]:
        return lambda: bare_rounds(learner, sizes, rounds, validation_interval)

    return {
        "env": _seconds(lambda: [env.step(action) for _ in range(rounds)]),
        "bare": _seconds(loop(interval)),
        "bare without validation": _seconds(loop(None)),
    }


def _medians(times: list[dict[str, float]], rounds: int) -> dict[str, float]:
    return {
        "env_rounds_per_s": statistics.median(rounds / t["env"] for t in times),
        "bare_rounds_per_s": statistics.median(rounds / t["bare"] for t in times),
        "time_ratio": statistics.median(t["env"] / t["bare"] for t in times),
        "no_validation_ratio": statistics.median(
            t["env"] / t["bare without validation"] for t in times
        ),
    }


@app.command("planner")
def bench_planner(
    scenario: ScenarioName = "mnist",
    grid: Grid = 6,
    repeats: Repeats = 5,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Time the exact planner beside Algorithm 1, for a cell and for its grid, with both bounds."""
    del seed  # every command takes one, and planning draws nothing
    import baselines
    from baselines.algorithm1 import solve_algorithm1, solve_cells
    from baselines.exact import solve_relaxation

    checked, scheme = read_scenario(scenario, changes), baselines.SCHEMES["joint"]
    planned = baselines.plan(checked)
    if planned.plan is None:
        raise InputError(planned.message)
    cells = [(planned.plan.n_pretrain_rounds, planned.plan.n_finetune_rounds)]
    with progress_console.status("Planning"):
        exact_s = _median_seconds(lambda: baselines.plan(checked), repeats)
        relaxed_s = _median_seconds(lambda: solve_relaxation(checked, scheme), repeats)
        cell_s = _median_seconds(lambda: solve_cells(checked, scheme, cells), repeats)
        grid_s = _median_seconds(lambda: solve_algorithm1(checked, scheme, grid), 1)
        best = solve_algorithm1(checked, scheme, grid)
    assert best is not None
    n_cells = checked.max_pretrain_rounds * checked.max_finetune_rounds
    row = {
        "scenario": checked.name,
        "n_devices": checked.n_devices,
        "exact_plan_s": exact_s,
        "exact_relaxation_s": relaxed_s,
        "algorithm1_cell_s": cell_s,
        "algorithm1_grid_s": grid_s,
        "algorithm1_full_grid_s": cell_s * n_cells,
        "exact_bound": planned.relaxed_bound,
        "algorithm1_bound": best.gradient_norm_bound,
        "grid_time_ratio": grid_s / exact_s,
    }
    _show([row], as_json)


def _median_seconds(run: Callable[[], Any], repeats: int) -> float:
    return statistics.median(_seconds(run) for _ in range(repeats))


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows as a table, or a single row as lines."""
    if as_json:
        return print_json({"rows": rows})
    shown = [[f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    if len(rows) == 1:
        table = Table(show_header=False)
        for key, cell in zip(rows[0], shown[0], strict=True):
            table.add_row(key, cell)
    else:
        table = Table(*rows[0])
        for cells in shown:
            table.add_row(*cells)
    Console().print(table)
