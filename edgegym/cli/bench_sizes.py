"""`edgegym bench devices/vector`: time over the number of devices, and of copies."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edgegym.cli.options import AsJson, Changes, Device, ScenarioName, Seed, read_scenario
from edgegym.cli.printing import print_json, print_table
from edgegym.cli.progress import telling
from edgegym.errors import InputError
from edgegym.results.numbers import number

Repeats = Annotated[int, typer.Option("--repeats", min=1, help="Runs of each, in turn.")]


def bench_devices(
    devices: Annotated[
        list[int] | None,
        typer.Option("--devices", min=1, max=1000, help="Numbers of devices, repeatable."),
    ] = None,
    repeats: Repeats = 5,
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
    from edgegym.bench.devices import BATCH_SIZE, NUMBERS, device_rows, draw_devices

    if out is not None and out.suffix != ".png":
        raise InputError(f"--out must end in .png; got {str(out)!r}. Name the picture so.")
    with telling() as on_progress:
        rows = device_rows(
            devices or NUMBERS, repeats=repeats, seed=seed, device=device, on_progress=on_progress
        )
    if out is not None:
        draw_devices(rows, out)
    if as_json:
        return print_json({"batch_size": BATCH_SIZE, "rows": rows})
    table = Table("K", "bound, ms/round", "train, ms/round", "exact plan, s")
    for row in rows:
        n_devices, *times = row.values()
        table.add_row(f"{n_devices:,}", *(number(value, ".3g") for value in times))
    print_table(table)


def bench_vector(
    scenario: ScenarioName = "mnist",
    copies: Annotated[
        list[int] | None, typer.Option("--copies", min=1, help="Numbers of copies, repeatable.")
    ] = None,
    repeats: Repeats = 5,
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
    from edgegym.bench.vector import vector_rows
    from edgegym.learning.devices import find_device

    checked = read_scenario(scenario, changes)
    with telling() as on_progress:
        rows = vector_rows(checked, copies, repeats=repeats, seed=seed, on_progress=on_progress)
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
