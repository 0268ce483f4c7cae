"""`edgegym bench devices`: time per round and per plan over the number of devices."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from edgegym.cli.options import AsJson, Device, Seed
from edgegym.cli.printing import number, print_json, print_table, progress_console
from edgegym.errors import InputError
from edgegym.systems.two_stage.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from edgegym.envs.two_stage import Fidelity

NUMBERS = (1, 3, 10, 30, 100, 300, 1000)
BATCH_SIZE = 4
#: Seconds that a run takes at least.
RUN_S = 0.1


def bench_devices(
    devices: Annotated[
        list[int] | None,
        typer.Option("--devices", min=1, max=1000, help="Numbers of devices, repeatable."),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Runs of each, in turn.")] = 5,
    seed: Seed = 0,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the chart to this PNG file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time a fine-tuning round and an exact plan over the number of devices.

    LeNet and the data of scenario `digits`, whose three devices are taken in turn: 300 samples on
    the server, 1,000 on the devices, an energy budget that grows with the devices. At fidelity
    `train` every device's batch is 4 samples, trained on one thread. All figures are of the fastest
    runs.
    """
    if out is not None and out.suffix != ".png":
        raise InputError(f"--out must end in .png; got {str(out)!r}. Name the picture so.")
    rows = []
    for n_devices in devices or NUMBERS:
        with progress_console.status(f"K = {n_devices}"):
            rows.append(_row(n_devices, repeats, seed, device))
    if out is not None:
        _draw(rows, out)
    if as_json:
        return print_json({"batch_size": BATCH_SIZE, "rows": rows})
    table = Table("K", "bound, ms/round", "train, ms/round", "exact plan, s")
    for row in rows:
        n_devices, *times = row.values()
        table.add_row(f"{n_devices:,}", *(number(value, ".3g") for value in times))
    print_table(table)


def scaled_digits(n_devices: int) -> Scenario:
    """Make scenario digits for so many devices, with energy for a plan that uses both stages."""
    return load_scenario("digits").replace(
        n_devices=n_devices,
        energy_budget_j=10.0 + 20.0 * n_devices / 3,
        **{"learning.n_server_samples": 300, "learning.n_device_samples": 1000},
    )


def _row(n_devices: int, repeats: int, seed: int, device: str) -> dict[str, Any]:
    import baselines

    scenario = scaled_digits(n_devices)
    return {
        "n_devices": n_devices,
        "bound_ms_per_round": 1e3 * _fastest_s(_round(scenario, "bound", seed, device), repeats),
        "train_ms_per_round": 1e3 * _fastest_s(_round(scenario, "train", seed, device), repeats),
        "plan_s": _fastest_s(lambda: baselines.plan(scenario), repeats),
    }


def _round(
    scenario: Scenario, fidelity: "Fidelity", seed: int, device: str
) -> Callable[[], object]:
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


def _fastest_s(run: Callable[[], object], repeats: int) -> float:
    """Time a function, each repeat as often as fills a run."""
    run()  # what is done once only is not timed
    return min(_run_s(run) for _ in range(repeats))


def _run_s(run: Callable[[], object]) -> float:
    n_runs, elapsed, start = 0, 0.0, time.perf_counter()
    while elapsed < RUN_S:
        run()
        n_runs, elapsed = n_runs + 1, time.perf_counter() - start
    return elapsed / n_runs


def _draw(rows: list[dict[str, Any]], out: Path) -> None:
    import pandas as pd

    from edgegym.bench.scale import plot_scale
    from edgegym.runs.files import write_figure

    title = f"LeNet on digits, {BATCH_SIZE} samples a device, one thread"
    write_figure(out, plot_scale(pd.DataFrame(rows), title))
