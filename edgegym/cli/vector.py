"""`edgegym bench vector`: the native vector environment beside a loop over scalar ones."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from edgegym.cli.options import (
    AsJson,
    Changes,
    ScenarioName,
    Seed,
    print_json,
    progress_console,
    read_scenario,
)
from edgegym.errors import InputError
from edgegym.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from gymnasium.vector import VectorEnv

    from edgegym.envs.two_stage import Fidelity

COPIES = (1, 64, 256, 4096)
#: Seconds that a run steps at least.
RUN_S = 0.1
#: One action in so many moves the lifecycle on.
ADVANCE_EVERY = 100


def bench_vector(
    scenario: ScenarioName = "mnist",
    copies: Annotated[
        list[int] | None, typer.Option("--copies", min=1, help="Numbers of copies, repeatable.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Runs of each, in turn.")] = 5,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Time the native vector environment beside Gymnasium's loop over scalar environments.

    A step is one round of one copy, with random actions of which one in a hundred advances. Both
    run in one process on one thread; the figures are the fastest runs, the ratio is theirs.
    """
    checked = read_scenario(scenario, changes)
    rows = []
    for fidelity in _fidelities(checked):
        for n_copies in copies or COPIES:
            with progress_console.status(f"{fidelity}, {n_copies} copies"):
                rows.append(_row(checked, fidelity, n_copies, repeats, seed))
    if as_json:
        return print_json({"rows": rows})
    table = Table("fidelity", "copies", "native, steps/s", "loop, steps/s", "ratio")
    for row in rows:
        speeds = (f"{row[key]:,.0f}" for key in ("native_steps_per_s", "loop_steps_per_s"))
        table.add_row(row["fidelity"], str(row["copies"]), *speeds, f"{row['ratio']:.1f}")
    Console().print(table)


def _fidelities(scenario: Scenario) -> "list[Fidelity]":
    """Leave out `curve` where no emulator is shipped."""
    from edgegym.two_stage.emulator import load_emulator

    try:
        load_emulator(scenario)
    except InputError:
        return ["bound"]
    return ["bound", "curve"]


def _row(
    scenario: Scenario, fidelity: "Fidelity", n_copies: int, repeats: int, seed: int
) -> dict[str, Any]:
    from gymnasium.vector import SyncVectorEnv

    from edgegym.envs.two_stage import TwoStageEdgeEnv
    from edgegym.envs.vector import TwoStageEdgeVectorEnv

    native = TwoStageEdgeVectorEnv(n_copies, scenario=scenario, fidelity=fidelity)
    loop = SyncVectorEnv([lambda: TwoStageEdgeEnv(scenario, fidelity)] * n_copies)
    native.reset(seed=seed)
    loop.reset(seed=seed)
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1, 1, (16, n_copies, *native.action_codec.space.shape)).astype(
        np.float32
    )
    actions[..., 0] = np.where(rng.random(actions.shape[:2]) < 1 / ADVANCE_EVERY, 1, -1)
    runs = [(_steps_per_s(native, actions), _steps_per_s(loop, actions)) for _ in range(repeats)]
    native_speed, loop_speed = (max(speeds) for speeds in zip(*runs, strict=True))
    return {
        "fidelity": fidelity,
        "copies": n_copies,
        "native_steps_per_s": native_speed,
        "loop_steps_per_s": loop_speed,
        "ratio": native_speed / loop_speed,
    }


def _steps_per_s(envs: "VectorEnv[Any, Any, Any]", actions: np.ndarray) -> float:
    n_steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < RUN_S:
        envs.step(actions[n_steps % len(actions)])
        n_steps += 1
    return n_steps * envs.num_envs / elapsed
