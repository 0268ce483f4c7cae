"""`edgegym bench vector`: the native vector environment beside a loop over scalar ones."""

import time
from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.table import Table

from edgegym.bench.stacking import training_steps
from edgegym.cli.options import (
    AsJson,
    Changes,
    ScenarioName,
    Seed,
    read_scenario,
)
from edgegym.cli.printing import number, print_json, print_table, progress_console
from edgegym.errors import InputError
from edgegym.systems.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from edgegym.envs.two_stage import Fidelity

COPIES = (1, 64, 256, 4096)
TRAINING_COPIES = (8, 64)
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

    At fidelity `train` stacked networks are timed beside a loop of learners, on scenario `digits`
    and on the GPU where there is one. On a CPU the native environment refuses real training.
    """
    from edgegym.learning.learner import find_device

    checked = read_scenario(scenario, changes)
    rows = []
    for fidelity in _fidelities(checked):
        for n_copies in copies or (TRAINING_COPIES if fidelity == "train" else COPIES):
            with progress_console.status(f"{fidelity}, {n_copies} copies"):
                rows.append(_row(checked, fidelity, n_copies, repeats, seed))
    training_device = find_device("auto").type
    if as_json:
        return print_json({"training_device": training_device, "rows": rows})
    caption = f"fidelity train: scenario digits on {training_device}"
    headings = "fidelity", "copies", "native, steps/s", "loop, steps/s", "ratio", "faster"
    table = Table(*headings, caption=caption)
    for row in rows:
        speeds = (number(row[key], ",.0f") for key in ("native_steps_per_s", "loop_steps_per_s"))
        ratio = number(row["ratio"], ".2f")
        table.add_row(row["fidelity"], str(row["copies"]), *speeds, ratio, row["faster"])
    print_table(table)


def _fidelities(scenario: Scenario) -> "list[Fidelity]":
    """Leave out `curve` where no emulator is shipped."""
    from edgegym.systems.two_stage.emulator import load_emulator

    try:
        load_emulator(scenario)
    except InputError:
        return ["bound", "train"]
    return ["bound", "curve", "train"]


def _row(
    scenario: Scenario, fidelity: "Fidelity", n_copies: int, repeats: int, seed: int
) -> dict[str, Any]:
    native, loop = (
        training_steps(n_copies, seed)
        if fidelity == "train"
        else _environment_steps(scenario, fidelity, n_copies, seed)
    )
    native(), loop()  # what is done once only is not timed
    runs = [(n_copies * _per_s(native), n_copies * _per_s(loop)) for _ in range(repeats)]
    native_speed, loop_speed = (max(speeds) for speeds in zip(*runs, strict=True))
    return {
        "fidelity": fidelity,
        "copies": n_copies,
        "native_steps_per_s": native_speed,
        "loop_steps_per_s": loop_speed,
        "ratio": native_speed / loop_speed,
        "faster": "native" if native_speed > loop_speed else "loop",
    }


def _environment_steps(
    scenario: Scenario, fidelity: "Fidelity", n_copies: int, seed: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Make two functions that step every copy: natively, and one environment after another."""
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
    ours, theirs = cycle(actions), cycle(actions)
    return lambda: native.step(next(ours)), lambda: loop.step(next(theirs))


def _per_s(step: Callable[[], object]) -> float:
    n_steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < RUN_S:
        step()
        n_steps += 1
    return n_steps / elapsed
