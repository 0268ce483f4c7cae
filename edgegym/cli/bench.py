"""`edgegym bench env/planner`: this machine beside a reference, as ratios within one run."""

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgegym.cli.devices import bench_devices
from edgegym.cli.fading import bench_fading
from edgegym.cli.learning_bench import bench_learning
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
from edgegym.cli.printing import print_rows, progress_console
from edgegym.cli.vector import bench_vector
from edgegym.errors import InputError
from edgegym.systems.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgegym.envs.two_stage import TwoStageEdgeEnv

app = typer.Typer(help="Speed of this machine beside its references.", no_args_is_help=True)
app.command("devices")(bench_devices)
app.command("fading")(bench_fading)
app.command("learning")(bench_learning)
app.command("vector")(bench_vector)
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
    print_rows(rows, as_json)


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
    from edgegym.bench.bare_loop import bare_rounds
    from edgegym.learning.learner import Learner

    env.reset(seed=seed)
    if stage == "finetune":
        env.step(env.action_codec.advance())
    learner = env.learner
    assert isinstance(learner, Learner)
    action = -env.action_codec.advance()
    action[1:] *= -1  # everything at its limit, and no advance
    interval = env.scenario.learning.validation_interval
    sizes = [env.scenario.pretrain_batch_size_limit]
    if stage == "finetune":
        sizes = env.scenario.finetune_batch_size_limit.tolist()

    def loop(validation_interval: int | None) -> Callable[[], None]:
        return lambda: bare_rounds(learner, sizes, rounds, validation_interval)

    return {
        "env": _seconds(lambda: _step(env, action, rounds)),
        "bare": _seconds(loop(interval)),
        "bare without validation": _seconds(loop(None)),
    }


def _step(env: "TwoStageEdgeEnv", action: "NDArray[Any]", rounds: int) -> None:
    for _ in range(rounds):
        if env.step(action)[2]:
            raise InputError(
                "training must not diverge while it is timed; got a loss that is not finite at "
                f"learning_rate = {env.scenario.learning_rate:g}. Lower it with --set."
            )


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
    del seed  # every command takes one, and planning draws nothing
    rows = []
    for n_devices in devices or (3, 100):
        checked = read_scenario(scenario, changes).replace(n_devices=n_devices)
        with progress_console.status(f"{checked.name}, K = {n_devices}"):
            rows.append(_planner_row(checked, grid, repeats))
    print_rows(rows, as_json)


def _planner_row(scenario: Scenario, grid: int, repeats: int) -> dict[str, Any]:
    import baselines
    from baselines.two_stage.algorithm1 import solve_algorithm1, solve_cells
    from baselines.two_stage.exact import solve_relaxation

    scheme, planned = baselines.SCHEMES["joint"], baselines.plan(scenario)
    if planned.plan is None:
        raise InputError(planned.message)
    cell = (planned.plan.n_pretrain_rounds, planned.plan.n_finetune_rounds)
    cold_s = _median_seconds(lambda: solve_relaxation(scenario, scheme), 5)
    warm_s = _median_seconds(lambda: baselines.plan(scenario), repeats)
    start = time.perf_counter()
    best = solve_algorithm1(scenario, scheme, grid)
    grid_s = time.perf_counter() - start
    assert best is not None
    return {
        "scenario": scenario.name,
        "n_devices": scenario.n_devices,
        "exact_cold_ms": 1e3 * cold_s,
        "exact_warm_ms": 1e3 * warm_s,
        "algorithm1_grid_s": grid_s,
        "algorithm1_full_grid_days": _median_seconds(
            lambda: solve_cells(scenario, scheme, [cell]), 3
        )
        * scenario.max_pretrain_rounds
        * scenario.max_finetune_rounds
        / 86_400,
        "exact_bound": planned.relaxed_bound,
        "algorithm1_bound": best.gradient_norm_bound,
        "gap": planned.gap,
        "grid_time_ratio": grid_s / warm_s,
    }


def _median_seconds(run: Callable[[], Any], repeats: int) -> float:
    return statistics.median(_seconds(run) for _ in range(repeats))


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
