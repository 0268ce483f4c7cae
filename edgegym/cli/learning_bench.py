"""`edgegym bench learning`: rounds of training beside a bare loop and the machine's limit."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Seed,
    finite,
    read_scenario,
)
from edgegym.cli.printing import print_rows, progress_console
from edgegym.errors import InputError, unknown_name
from edgegym.scenario.learning_task import NETWORK_INPUTS

if TYPE_CHECKING:
    import torch

    from edgegym.learning.learner import Learner

#: For each network the scenario that trains it.
SCENARIOS = {"lenet": "digits", "googlenet": "cinic10-cifar10"}
#: A round of GoogLeNet with 8 samples on each of three devices takes a CPU's core some seconds.
BATCH_SIZES: dict[str, dict[str, tuple[int, ...]]] = {
    "cpu": {"lenet": (8, 64, 256), "googlenet": (2, 8)},
    "cuda": {"lenet": (8, 64, 256), "googlenet": (8, 64, 256)},
}
RIVALS = ("bare", "flower")
SAMPLES_A_HOLDER = 1000
#: Seconds that a run trains at least, and pairs of runs.
RUN_S = 0.1
LEAST_PAIRS = 3


def bench_learning(
    against: Annotated[
        str, typer.Option("--against", help="bare (a PyTorch loop) or flower (needs Flower)")
    ] = "bare",
    network: Annotated[
        list[str] | None, typer.Option("--network", help="lenet or googlenet, repeatable.")
    ] = None,
    batch_size: Annotated[
        list[int] | None, typer.Option("--batch-size", min=1, help="On each holder, repeatable.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, callback=finite, help="To time each row for.")
    ] = 5.0,
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Time rounds of training beside a bare PyTorch loop and beside the machine's limit.

    Both train the same network on the same random images, on one thread of a CPU. They run in turn;
    figures are medians over the runs, `time_ratio` that of the pairs' ratios. The limit is the
    least time for a round's floating-point operations at the rate of a large matrix product, or
    for the bytes that its operations read and write at the rate of a large copy, both measured in
    this run: `binds` says which takes longer, `limit_share` how much of a round it is.

    Against Flower, scenario `digits` fine-tunes its joint plan on a CPU: on Flower's simulation
    engine, which looks for messages ten times a second; with Flower's client, messages and strategy
    in one process, without the engine; and here.
    """
    if against not in RIVALS:
        raise unknown_name("--against", against, RIVALS)
    for name in network or ():
        if name not in SCENARIOS:
            raise unknown_name("--network", name, SCENARIOS)
    if against == "flower" and (network or batch_size):
        raise InputError(
            "--against flower must go without --network and --batch-size, as the plan has its own; "
            "got one of them. Leave it out."
        )
    import torch

    torch.set_num_threads(1)
    if against == "flower":
        from edgegym.cli.flower_bench import flower_row

        with progress_console.status("Flower"):
            row = flower_row(read_scenario("digits", changes), seed, data_dir)
        return print_rows([row], as_json)
    _beside_a_bare_loop(network, batch_size, seconds, changes, seed, device, as_json)


def _beside_a_bare_loop(
    networks: list[str] | None,
    batch_sizes: list[int] | None,
    seconds: float,
    changes: list[str] | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    import torch

    from edgegym.bench.machine_limit import measure_limit

    rows = []
    for name in networks or list(SCENARIOS):
        learner = _make_learner(name, changes, seed, device)
        dtype = getattr(torch, learner.precision)
        with progress_console.status("the machine's limit"):
            limit = measure_limit(learner.device, dtype)
        for size in batch_sizes or BATCH_SIZES[learner.device.type][name]:
            for stage in ("pretrain", "finetune"):
                with progress_console.status(f"{name}, {stage}, batch {size}"):
                    sizes = [size] * (1 if stage == "pretrain" else len(learner.data.devices))
                    least_s, binds = limit.least_s(_work(learner, sizes))
                    timed = _timed(learner, sizes, seconds)
                row = {"network": name, "stage": stage, "batch_size": size, **timed}
                share = least_s * timed["rounds_per_s"]
                rows.append(row | {"limit_share": share, "binds": binds})
    about = {
        "device": _device_name(learner.device),
        "precision": learner.precision,
        "limit_tflop_per_s": limit.flop_per_s / 1e12,
        "limit_gbyte_per_s": limit.bytes_per_s / 1e9,
    }
    print_rows(rows, as_json, about)


def _make_learner(name: str, changes: list[str] | None, seed: int, device: str) -> "Learner":
    """Make a learner whose images are noise, so that nothing is downloaded."""
    import torch

    from edgegym.learning.centralized import Samples
    from edgegym.learning.datasets import TaskData
    from edgegym.learning.learner import Learner

    scenario, taken = read_scenario(SCENARIOS[name], changes), NETWORK_INPUTS[name]
    rng = torch.Generator().manual_seed(seed)

    def make() -> Samples:
        images = torch.randn(SAMPLES_A_HOLDER, *taken.shape, generator=rng)
        labels = torch.randint(taken.n_classes, (SAMPLES_A_HOLDER,), generator=rng)
        return Samples(images, labels)

    devices = tuple(make() for _ in range(scenario.n_devices))
    data = TaskData(make(), devices, validation=make(), test=make())
    return Learner(scenario, seed, device, data=data)


def _work(learner: "Learner", sizes: Sequence[int]) -> Any:
    """Count the work of a round on samples that are at hand."""
    from edgegym.bench.machine_limit import count_work
    from edgegym.learning.centralized import sgd_round
    from edgegym.learning.federated import fedsgd_round

    holders = [learner.data.server] if len(sizes) == 1 else learner.data.devices
    batches = [held.split(size)[0] for held, size in zip(holders, sizes, strict=True)]
    if len(batches) == 1:
        return count_work(lambda: sgd_round(learner.network, batches[0], learner.learning_rate))
    return count_work(lambda: fedsgd_round(learner.network, batches, learner.learning_rate))


def _timed(learner: "Learner", sizes: list[int], seconds: float) -> dict[str, float]:
    """Time runs of the learner and of the bare loop in turn, for so many seconds."""
    from edgegym.bench.bare_loop import bare_rounds

    def ours(n_rounds: int) -> None:
        for n in range(n_rounds):
            if len(sizes) == 1:
                learner.pretrain(n, sizes[0])
            else:
                learner.finetune(n, np.asarray(sizes))

    def bare(n_rounds: int) -> None:
        bare_rounds(learner, sizes, n_rounds, None)

    ours(1)  # what is done once only is not timed
    bare(1)
    n_rounds = math.ceil(RUN_S / _seconds(lambda: ours(1)))
    runs, end = list[tuple[float, float]](), time.perf_counter() + seconds
    while len(runs) < LEAST_PAIRS or time.perf_counter() < end:
        runs.append((_seconds(lambda: ours(n_rounds)), _seconds(lambda: bare(n_rounds))))
    return {
        "rounds_per_s": statistics.median(n_rounds / our_s for our_s, _ in runs),
        "bare_rounds_per_s": statistics.median(n_rounds / bare_s for _, bare_s in runs),
        "time_ratio": statistics.median(our_s / bare_s for our_s, bare_s in runs),
    }


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _device_name(device: "torch.device") -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu, one thread"
