"""Rounds of training beside bare loops and the machine's limit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch

from edgegym.bench.bare_loop import bare_look, bare_rounds
from edgegym.bench.machine_limit import count_work, measure_limit
from edgegym.bench.timing import in_turn
from edgegym.learning.centralized import Samples, sgd_round
from edgegym.learning.datasets import TaskData
from edgegym.learning.federated import fedsgd_round
from edgegym.learning.learner import Learner
from edgegym.scenario.catalogue import find_dataset
from edgegym.systems.two_stage.scenario import Scenario

#: A round of GoogLeNet with 8 samples on each of three devices takes a CPU's core some seconds.
BATCH_SIZES: dict[str, dict[str, tuple[int, ...]]] = {
    "cpu": {
        "lenet": (2, 8, 32, 64, 256),
        "row-transformer": (8, 32, 64),
        "googlenet": (2, 8),
        "minilm": (8,),
    },
    "cuda": {
        "lenet": (8, 64, 256),
        "row-transformer": (64,),
        "googlenet": (8, 64, 256),
        "minilm": (8, 64),
    },
}
#: Samples of each holder, and of a look at the validation loss.
N_SAMPLES = {"lenet": 1000, "row-transformer": 1000, "googlenet": 64, "minilm": 64}
LEAST_PAIRS = 3

Call = Callable[[], object]


def learning_rows(
    scenarios: Mapping[str, Scenario],
    batch_sizes: Sequence[int] | None,
    *,
    for_s: float,
    seed: int,
    device: str,
    data_dir: str | None = None,
    on_progress: Callable[[str], None],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Time every network, stage and batch size on one thread, in turn with bare loops.

    Parameters
    ----------
    scenarios : for each network's name the scenario that trains it
    batch_sizes : on each holder; None for those that suit network and device
    for_s : seconds to time each row for
    seed, device, data_dir : of the learners
    on_progress : called with what is timed next

    Returns
    -------
    Rows of medians, and what they have in common
    """
    torch.set_num_threads(1)
    rows = []
    for name, scenario in scenarios.items():
        learner = make_learner(name, scenario, seed, device, data_dir)
        bare = [
            _laid_out(make_learner(name, scenario, seed, device, data_dir), layout)
            for layout in (torch.contiguous_format, torch.channels_last)
        ]
        on_progress("the machine's limit")
        limit = measure_limit(learner.device, getattr(torch, learner.precision))
        sizes = batch_sizes or BATCH_SIZES[learner.device.type][name]
        for stage, size in [
            *((stage, size) for size in sizes for stage in ("pretrain", "finetune")),
            ("validation", N_SAMPLES[name]),
        ]:
            on_progress(f"{name}, {stage}, batch {size}")
            least_s, binds = limit.least_s(count_work(_by_autograd(bare[0], stage, size)))
            timed = _timed(learner, bare, stage, size, for_s)
            row = {"network": name, "stage": stage, "batch_size": size, **timed}
            rows.append(row | {"limit_share": least_s * timed["rounds_per_s"], "binds": binds})
    return rows, {
        "device": _device_name(learner.device),
        "precision": learner.precision,
        "limit_tflop_per_s": limit.flop_per_s / 1e12,
        "limit_gbyte_per_s": limit.bytes_per_s / 1e9,
    }


def make_learner(
    name: str, scenario: Scenario, seed: int, device: str, data_dir: str | None = None
) -> Learner:
    """Make a learner whose images are noise, so that nothing is downloaded."""
    inputs = find_dataset(scenario.learning.pretrain_dataset).inputs
    assert inputs is not None
    rng = torch.Generator().manual_seed(seed)

    def make() -> Samples:
        images = torch.randn(N_SAMPLES[name], *inputs.shape, generator=rng)
        labels = torch.randint(inputs.n_classes, (N_SAMPLES[name],), generator=rng)
        return Samples(images, labels)

    devices = tuple(make() for _ in range(scenario.n_devices))
    data = TaskData.of(make(), devices, validation=make(), test=make())
    return Learner(scenario, seed, device, data_dir, data=data)


def _laid_out(learner: Learner, layout: torch.memory_format) -> Learner:
    """Lay out the network and its images for a bare loop."""
    learner.network.to(memory_format=layout)
    data = learner.data
    if data.pool.images.dim() < 4:  # there are no channels
        return learner
    pool, validation, test = (
        Samples(part.images.contiguous(memory_format=layout), part.labels)
        for part in (data.pool, data.validation, data.test)
    )
    learner.data = replace(data, pool=pool, validation=validation, test=test)
    return learner


def _by_autograd(learner: Learner, stage: str, size: int) -> Call:
    """Make the round that is counted, on samples that are at hand."""
    network, data = learner.network, learner.data
    if stage == "validation":
        return partial(bare_look, network, data.validation)
    index = torch.arange(size, device=learner.device)
    batches = [held.take(index % len(held)) for held in (data.server, *data.devices)]
    if stage == "pretrain":
        return partial(sgd_round, network, batches[0], learner.learning_rate)
    return partial(fedsgd_round, network, batches[1:], learner.learning_rate)


def _ours(learner: Learner, stage: str, size: int) -> Call:
    rounds = count()
    if stage == "validation":
        return learner.validation
    if stage == "pretrain":
        return lambda: learner.pretrain(next(rounds), size)
    sizes = np.full(len(learner.data.devices), size)
    return lambda: learner.finetune(next(rounds), sizes)


def _bare(learner: Learner, stage: str, size: int) -> Call:
    network, data = learner.network, learner.data
    if stage == "validation":
        return partial(bare_look, network, data.validation)
    sizes = [size] * (1 if stage == "pretrain" else len(data.devices))
    return partial(next, bare_rounds(network, data, learner.learning_rate, sizes, None))


def _timed(
    learner: Learner, bare: Sequence[Learner], stage: str, size: int, for_s: float
) -> dict[str, float]:
    """Time the learner and both bare loops in turn, for so many seconds."""
    calls = _ours(learner, stage, size), *(_bare(other, stage, size) for other in bare)
    times_s = in_turn(*calls, repeats=LEAST_PAIRS, for_s=for_s, on_torch=True)
    our_s, bare_s, channels_last_s = times_s.T
    return {
        "rounds_per_s": float(np.median(1 / our_s)),
        "bare_rounds_per_s": float(np.median(1 / bare_s)),
        "time_ratio": float(np.median(our_s / bare_s)),
        "channels_last_ratio": float(np.median(our_s / channels_last_s)),
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu, one thread"
