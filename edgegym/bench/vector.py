"""The native vector environment beside a loop over scalar ones."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from edgegym.bench.stacking import training_steps
from edgegym.bench.timing import in_turn
from edgegym.errors import InputError
from edgegym.lifecycle.settings import Fidelity
from edgegym.systems.two_stage.scenario import Scenario

COPIES = (1, 64, 256, 4096)
TRAINING_COPIES = (8, 64)
#: One action in so many moves the lifecycle on.
ADVANCE_EVERY = 100


def vector_rows(
    scenario: Scenario,
    copies: Sequence[int] | None,
    *,
    repeats: int,
    seed: int,
    on_progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time both at every fidelity, each in its fastest run; the ratio is theirs.

    Parameters
    ----------
    scenario : at fidelity `train` it is `digits` instead
    copies : numbers of copies; None for those that suit a fidelity
    repeats : runs of each, in turn
    seed : of environments and actions
    on_progress : called with what is timed next
    """
    rows = []
    for fidelity in _fidelities(scenario):
        for n_copies in copies or (TRAINING_COPIES if fidelity == "train" else COPIES):
            on_progress(f"{fidelity}, {n_copies} copies")
            rows.append(_row(scenario, fidelity, n_copies, repeats, seed))
    return rows


def _fidelities(scenario: Scenario) -> list[Fidelity]:
    """Leave out `curve` where no emulator is shipped."""
    from edgegym.systems.two_stage.emulator_file import load_emulator

    try:
        load_emulator(scenario)
    except InputError:
        return ["bound", "train"]
    return ["bound", "curve", "train"]


def _row(
    scenario: Scenario, fidelity: Fidelity, n_copies: int, repeats: int, seed: int
) -> dict[str, Any]:
    trains = fidelity == "train"
    native, loop = (
        training_steps(n_copies, seed)
        if trains
        else _environment_steps(scenario, fidelity, n_copies, seed)
    )
    times = in_turn(native, loop, repeats=repeats, on_torch=trains)
    native_speed, loop_speed = n_copies / times.min(axis=0)
    return {
        "fidelity": fidelity,
        "copies": n_copies,
        "native_steps_per_s": native_speed,
        "loop_steps_per_s": loop_speed,
        "ratio": native_speed / loop_speed,
        "faster": "native" if native_speed > loop_speed else "loop",
    }


def _environment_steps(
    scenario: Scenario, fidelity: Fidelity, n_copies: int, seed: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Make two functions that step every copy: natively, and one environment after another."""
    from gymnasium.vector import SyncVectorEnv

    from edgegym.envs.two_stage import TwoStageEdgeEnv
    from edgegym.envs.vector import EdgeVectorEnv

    native = EdgeVectorEnv(n_copies, scenario=scenario, fidelity=fidelity)
    loop = SyncVectorEnv([lambda: TwoStageEdgeEnv(scenario, fidelity)] * n_copies)
    native.reset(seed=seed)
    loop.reset(seed=seed)
    rng = np.random.default_rng(seed)
    shape = (16, n_copies, native.action_codec.size)
    actions = rng.uniform(-1, 1, shape).astype(np.float32)
    actions[..., 0] = np.where(rng.random(actions.shape[:2]) < 1 / ADVANCE_EVERY, 1, -1)
    ours, theirs = cycle(actions), cycle(actions)
    return lambda: native.step(next(ours)), lambda: loop.step(next(theirs))
