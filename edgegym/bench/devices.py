"""Time per round and per plan over the number of devices."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import baselines
from edgegym.bench.timing import in_turn
from edgegym.lifecycle.settings import Fidelity
from edgegym.systems.load import load_scenario
from edgegym.systems.two_stage.scenario import Scenario

NUMBERS = (1, 3, 10, 30, 100, 300, 1000)
BATCH_SIZE = 4


def device_rows(
    numbers: Sequence[int],
    *,
    repeats: int,
    seed: int,
    device: str,
    on_progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time a fine-tuning round at two fidelities and an exact plan, each in its fastest run.

    Parameters
    ----------
    numbers : of devices
    repeats : runs of each
    seed, device : of the environments
    on_progress : called with what is timed next
    """
    rows = []
    for n_devices in numbers:
        on_progress(f"K = {n_devices}")
        scenario = scaled_digits(n_devices)
        bound, train = (_round(scenario, name, seed, device) for name in ("bound", "train"))
        rows.append(
            {
                "n_devices": n_devices,
                "bound_ms_per_round": 1e3 * in_turn(bound, repeats=repeats).min(),
                "train_ms_per_round": 1e3 * in_turn(train, repeats=repeats, on_torch=True).min(),
                "plan_s": in_turn(partial(baselines.plan, scenario), repeats=repeats).min(),
            }
        )
    return rows


def scaled_digits(n_devices: int) -> Scenario:
    """Make scenario digits for so many devices, with energy for a plan that uses both stages.

    Examples
    --------
    >>> scaled_digits(3).energy_budget_j, scaled_digits(30).energy_budget_j
    (30.0, 210.0)
    """
    return load_scenario("digits").replace(
        n_devices=n_devices,
        energy_budget_j=10.0 + 20.0 * n_devices / 3,
        **{"learning.n_server_samples": 300, "learning.n_device_samples": 1000},
    )


def _round(scenario: Scenario, fidelity: Fidelity, seed: int, device: str) -> Callable[[], object]:
    """Make the function that runs a fine-tuning round of an episode that does not end."""
    from edgegym.envs.two_stage import TwoStageEdgeEnv

    endless = scenario.replace(
        finetune_batch_size_limit=BATCH_SIZE,
        max_finetune_rounds=10**9,
        delay_budget_s=1e12,
        energy_budget_j=1e12,
    )
    env = TwoStageEdgeEnv(endless, fidelity, device=device)
    env.reset(seed=seed)
    advance = env.action_codec.advance()
    env.step(advance)
    action = advance * [-1, *[1] * (len(advance) - 1)]  # all at its limit, and no advance
    return lambda: env.step(action)


def draw_devices(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw `device_rows` into a picture file."""
    import pandas as pd

    from edgegym.bench.scale import plot_scale
    from edgegym.runs.files import write_figure

    title = f"LeNet on digits, {BATCH_SIZE} samples a device, one thread"
    write_figure(path, plot_scale(pd.DataFrame(rows), title))
