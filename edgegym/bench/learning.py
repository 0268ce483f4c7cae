"""Rounds of training beside a bare loop and the machine's limit."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch

from edgegym.bench.bare_loop import bare_rounds
from edgegym.bench.machine_limit import Work, count_work, measure_limit
from edgegym.bench.timing import in_turn
from edgegym.learning.centralized import Samples, sgd_round
from edgegym.learning.datasets import TaskData
from edgegym.learning.federated import fedsgd_round
from edgegym.learning.learner import Learner
from edgegym.scenario.learning_task import NETWORK_INPUTS
from edgegym.systems.two_stage.scenario import Scenario

#: A round of GoogLeNet with 8 samples on each of three devices takes a CPU's core some seconds.
BATCH_SIZES: dict[str, dict[str, tuple[int, ...]]] = {
    "cpu": {"lenet": (8, 64, 256), "googlenet": (2, 8)},
    "cuda": {"lenet": (8, 64, 256), "googlenet": (8, 64, 256)},
}
SAMPLES_A_HOLDER = 1000
LEAST_PAIRS = 3


def learning_rows(
    scenarios: Mapping[str, Scenario],
    batch_sizes: Sequence[int] | None,
    *,
    for_s: float,
    seed: int,
    device: str,
    on_progress: Callable[[str], None],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Time rounds of every network, stage and batch size on one thread, in turn with a bare loop.

    Parameters
    ----------
    scenarios : for each network's name the scenario that trains it
    batch_sizes : on each holder; None for those that suit network and device
    for_s : seconds to time each row for
    seed, device : of the learners
    on_progress : called with what is timed next

    Returns
    -------
    Rows of medians, and what they have in common
    """
    torch.set_num_threads(1)
    rows = []
    for name, scenario in scenarios.items():
        learner = make_learner(name, scenario, seed, device)
        on_progress("the machine's limit")
        limit = measure_limit(learner.device, getattr(torch, learner.precision))
        for size in batch_sizes or BATCH_SIZES[learner.device.type][name]:
            for stage in ("pretrain", "finetune"):
                on_progress(f"{name}, {stage}, batch {size}")
                sizes = [size] * (1 if stage == "pretrain" else len(learner.data.devices))
                least_s, binds = limit.least_s(_work(learner, sizes))
                timed = _timed(learner, sizes, for_s)
                row = {"network": name, "stage": stage, "batch_size": size, **timed}
                share = least_s * timed["rounds_per_s"]
                rows.append(row | {"limit_share": share, "binds": binds})
    return rows, {
        "device": _device_name(learner.device),
        "precision": learner.precision,
        "limit_tflop_per_s": limit.flop_per_s / 1e12,
        "limit_gbyte_per_s": limit.bytes_per_s / 1e9,
    }


def make_learner(name: str, scenario: Scenario, seed: int, device: str) -> Learner:
    """Make a learner whose images are noise, so that nothing is downloaded."""
    taken, rng = NETWORK_INPUTS[name], torch.Generator().manual_seed(seed)

    def make() -> Samples:
        images = torch.randn(SAMPLES_A_HOLDER, *taken.shape, generator=rng)
        labels = torch.randint(taken.n_classes, (SAMPLES_A_HOLDER,), generator=rng)
        return Samples(images, labels)

    devices = tuple(make() for _ in range(scenario.n_devices))
    data = TaskData.of(make(), devices, validation=make(), test=make())
    return Learner(scenario, seed, device, data=data)


def _work(learner: Learner, sizes: Sequence[int]) -> Work:
    """Count the work of a round on samples that are at hand."""
    holders = [learner.data.server] if len(sizes) == 1 else learner.data.devices
    batches = [held.split(size)[0] for held, size in zip(holders, sizes, strict=True)]
    if len(batches) == 1:
        return count_work(lambda: sgd_round(learner.network, batches[0], learner.learning_rate))
    return count_work(lambda: fedsgd_round(learner.network, batches, learner.learning_rate))


def _timed(learner: Learner, sizes: list[int], for_s: float) -> dict[str, float]:
    """Time runs of the learner and of the bare loop in turn, for so many seconds."""
    rounds = count()

    def ours() -> None:
        if len(sizes) == 1:
            learner.pretrain(next(rounds), sizes[0])
        else:
            learner.finetune(next(rounds), np.asarray(sizes))

    bare = partial(next, bare_rounds(learner, sizes, None))
    our_s, bare_s = in_turn(ours, bare, repeats=LEAST_PAIRS, for_s=for_s, on_torch=True).T
    return {
        "rounds_per_s": float(np.median(1 / our_s)),
        "bare_rounds_per_s": float(np.median(1 / bare_s)),
        "time_ratio": float(np.median(our_s / bare_s)),
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu, one thread"
