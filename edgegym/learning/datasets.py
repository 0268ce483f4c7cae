"""The data of both stages: where it comes from, and who holds which part.

CINIC-10 is used without the images of CIFAR-10: of the 90,000 in each of its parts 70,000 are left.
That departs from the paper; with them the server would be trained on images that the devices
fine-tune on. It is normalised with CIFAR-10's statistics, so that the network's inputs keep their
scale from one stage to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples, joined
from edgegym.learning.partition import dirichlet_partition
from edgegym.learning.rotation import rotate
from edgegym.learning.sources import load_raw
from edgegym.scenario.learning_task import LearningTask, own_test_set, require_enough

#: Mean and standard deviation of the pixels, over all channels.
PIXEL_STATISTICS = {
    "digits": (0.3049, 0.3245),
    "mnist": (0.1307, 0.3081),
    "cifar10": (0.4733, 0.2516),
    "cinic10": (0.4733, 0.2516),  # CIFAR-10's
}


@dataclass(frozen=True)
class TaskData:
    """Who holds which samples; no two parts share one.

    Examples
    --------
    >>> parts = (Samples(torch.ones(n, 1), torch.zeros(n, dtype=torch.int64)) for n in (5, 2, 3, 1))
    >>> data = TaskData.of(next(parts), [next(parts)], *parts)
    >>> len(data.pool), data.places, len(data.server), len(data.devices[0])
    (7, [range(0, 5), range(5, 7)], 5, 2)
    """

    pool: Samples  # all that is trained on: the server's, then each device's
    n_samples: tuple[int, ...]  # of the server and of each device
    validation: Samples
    test: Samples

    @classmethod
    def of(
        cls, server: Samples, devices: Sequence[Samples], validation: Samples, test: Samples
    ) -> "TaskData":
        """Put together what server and devices hold."""
        holders = [server, *devices]
        return cls(joined(holders), tuple(map(len, holders)), validation, test)

    @cached_property
    def places(self) -> list[range]:
        """Where each holder's samples lie in the pool."""
        return [range(*ends) for ends in pairwise(accumulate(self.n_samples, initial=0))]

    @cached_property
    def server(self) -> Samples:
        """What the server holds."""
        return self.pool.split(list(self.n_samples))[0]

    @cached_property
    def devices(self) -> tuple[Samples, ...]:
        """What each device holds."""
        return tuple(self.pool.split(list(self.n_samples))[1:])

    def to(self, device: torch.device) -> "TaskData":
        """Move everything to a device."""
        parts = (part.to(device) for part in (self.pool, self.validation, self.test))
        return TaskData(next(parts), self.n_samples, *parts)


@lru_cache(maxsize=4)
def load_task_data(
    task: LearningTask, n_devices: int, data_dir: Path, device: torch.device
) -> TaskData:
    """Load both stages' data and share it out: server, devices, validation, test.

    The split is the same for every seed. Validation and test follow the devices' distribution,
    the target of the fine-tuning. Where both stages use one data set the server's part comes
    first, and the devices share what follows: evenly, by `device_sample_counts`, or with
    `dirichlet_concentration` label by label (`edgegym.learning.partition`).

    Parameters
    ----------
    task : what is trained on which data
    n_devices : K
    data_dir : folder that holds the data sets
    device : where the samples are kept

    Raises
    ------
    InputError
        If a data set is missing and cannot be had, or holds too few samples.
    """
    sets: dict[str, Samples] = {}
    for name in dict.fromkeys([task.pretrain_dataset, task.finetune_dataset]):
        train, test = load_raw(name, data_dir)
        sets |= {name: train} | ({own_test_set(name): test} if test is not None else {})
    parts = (share_out(sets[name], name, counts) for name, counts in task.draws().items())
    server, *others = chain(*parts)
    on_device, validation, test = (
        prepare(part, task.finetune_dataset, task.finetune_rotation_deg) for part in others
    )
    devices = share_among_devices(
        on_device, n_devices, task.dirichlet_concentration, task.device_sample_counts
    )
    server = prepare(server, task.pretrain_dataset, 0.0)
    return TaskData.of(server, devices, validation, test).to(device)


def share_out(samples: Samples, name: str, counts: dict[str, int]) -> list[Samples]:
    """Deal out disjoint parts in an order that is mixed once and for all."""
    try:
        require_enough(len(samples), name, counts)
    except ValueError as error:
        raise InputError(f"{error}. Ask for fewer, or get the whole data set.") from None
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(samples)))
    sizes = list(counts.values())
    return [samples.take(index) for index in order[: sum(sizes)].split(sizes)]


def share_among_devices(
    samples: Samples,
    n_devices: int,
    concentration: float | None,
    counts: Sequence[int] | None = None,
) -> list[Samples]:
    """Deal out the devices' part: evenly, so many to each, or by label with a concentration."""
    if concentration is None:
        counts = counts or [len(samples) // n_devices] * n_devices
        return samples.split([*counts, len(samples) - sum(counts)])[:n_devices]
    rng = np.random.default_rng(1)  # 0 mixed them
    parts = dirichlet_partition(samples.labels.numpy(), n_devices, concentration, rng)
    return [samples.take(torch.from_numpy(index)) for index in parts]


def prepare(samples: Samples, name: str, rotation_deg: float) -> Samples:
    """Rotate, then shift and scale the pixels to mean zero and deviation one."""
    mean, deviation = PIXEL_STATISTICS[name]
    images: Tensor = samples.images
    if rotation_deg:
        images = rotate(images, rotation_deg)
    return Samples((images - mean) / deviation, samples.labels)
