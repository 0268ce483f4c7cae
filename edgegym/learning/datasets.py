"""The data of both stages: where it comes from, and who holds which part.

CINIC-10 is used without the images of CIFAR-10: of the 90,000 in each of its parts 70,000 are left.
That departs from the paper; with them the server would be trained on images that the devices
fine-tune on. It is normalised with CIFAR-10's statistics, so that the network's inputs keep their
scale from one stage to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples, joined
from edgegym.learning.files import as_parts
from edgegym.learning.partition import dirichlet_partition, thin_out
from edgegym.learning.rotation import rotate
from edgegym.learning.sources import RawData, inputs_of, load_raw
from edgegym.scenario.catalogue import Dataset, find_dataset
from edgegym.scenario.learning_task import (
    LearningTask,
    own_test_set,
    require_alike,
    require_enough,
)


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
    n_classes: int

    @classmethod
    def of(
        cls,
        server: Samples,
        devices: Sequence[Samples],
        validation: Samples,
        test: Samples,
        n_classes: int | None = None,
    ) -> "TaskData":
        """Put together what server and devices hold; the classes are counted if not given."""
        holders = [server, *devices]
        if n_classes is None:
            n_classes = 1 + max(int(part.labels.max()) for part in (*holders, validation, test))
        return cls(joined(holders), tuple(map(len, holders)), validation, test, n_classes)

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
        return replace(
            self,
            pool=self.pool.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device),
        )

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.pool.images.shape[1:])


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
    names = dict.fromkeys([task.pretrain_dataset, task.finetune_dataset])
    # A name that is registered anew is another data set.
    return _loaded(task, n_devices, data_dir, device, tuple(map(find_dataset, names)))


@lru_cache(maxsize=4)
def _loaded(
    task: LearningTask,
    n_devices: int,
    data_dir: Path,
    device: torch.device,
    datasets: tuple[Dataset, ...],
) -> TaskData:
    names = dict.fromkeys([task.pretrain_dataset, task.finetune_dataset])
    raws = {name: load_raw(name, data_dir) for name in names}
    return share_task(task, n_devices, raws).to(device)


def forget_task_data() -> None:
    """Let go of all data that have been loaded."""
    _loaded.cache_clear()


def share_task(task: LearningTask, n_devices: int, raws: dict[str, RawData]) -> TaskData:
    """Share out data sets that are loaded; otherwise as `load_task_data`."""
    inputs = {name: raw.inputs or inputs_of(raw) for name, raw in raws.items()}
    try:
        require_alike(*next(iter(inputs.items())), *list(inputs.items())[-1])
    except ValueError as error:
        raise InputError(f"{error}. Choose another.") from None
    sets: dict[str, Samples] = {}
    for name, raw in raws.items():
        sets |= {name: raw.train} | ({own_test_set(name): raw.test} if raw.test else {})
    draws = task.draws(has_own_test_set=raws[task.finetune_dataset].test is not None)
    parts = (share_out(sets[name], name, counts) for name, counts in draws.items())
    server, *others = chain(*parts)
    n_classes = inputs[task.finetune_dataset].n_classes
    kept = thin_out(server.labels.numpy(), task.missing_label_share, n_classes)
    server = server.take(torch.from_numpy(kept))
    source, target = (
        raws[name].pixel_statistics or pixel_statistics(raws[name].train.images)
        for name in (task.pretrain_dataset, task.finetune_dataset)
    )
    on_device, validation, test = (
        prepare(part, target, task.finetune_rotation_deg) for part in others
    )
    devices = share_among_devices(
        on_device, n_devices, task.dirichlet_concentration, task.device_sample_counts
    )
    return TaskData.of(prepare(server, source, 0.0), devices, validation, test, n_classes)


def as_task_data(given: Any, task: LearningTask, n_devices: int) -> TaskData:
    """Take data as they are given: `TaskData`, or what a loader gives, to be shared out."""
    if isinstance(given, TaskData):
        return given
    raw = RawData(*as_parts("data", given))
    names = [task.pretrain_dataset, task.finetune_dataset]
    return share_task(task, n_devices, dict.fromkeys(names, raw))


def pixel_statistics(images: Tensor) -> tuple[float, float]:
    """Measure mean and deviation of the pixels, over all channels."""
    if not images.is_floating_point():
        return 0.0, 1.0
    return float(images.mean()), float(images.std()) or 1.0


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


def missing_classes(data: TaskData) -> str:
    """Say which device holds no sample of which class, "" where every one has all.

    Examples
    --------
    >>> parts = [Samples(torch.ones(2, 1), torch.tensor(labels)) for labels in ([0, 1], [1, 1])]
    >>> missing_classes(TaskData.of(parts[0], parts, *parts))
    'device 1 holds no sample of class 0'
    """
    held = [set(samples.labels.tolist()) for samples in data.devices]
    wanted = set[int]().union(*held)
    lacking = [(k, min(wanted - own)) for k, own in enumerate(held) if own < wanted]
    if not lacking:
        return ""
    more = f", and {len(lacking) - 1} more lack one" if len(lacking) > 1 else ""
    return f"device {lacking[0][0]} holds no sample of class {lacking[0][1]}{more}"


def prepare(samples: Samples, statistics: tuple[float, float], rotation_deg: float) -> Samples:
    """Rotate, then shift and scale the pixels to mean zero and deviation one.

    Raises
    ------
    InputError
        If what is no image is to be rotated.
    """
    images: Tensor = samples.images
    if rotation_deg:
        if images.dim() != 4:
            raise InputError(
                "learning.finetune_rotation_deg must be 0 for samples that are no images; got "
                f"{rotation_deg:g} with samples of shape {tuple(images.shape[1:])}. Leave it out."
            )
        images = rotate(images, rotation_deg)
    if not images.is_floating_point():
        return samples
    mean, deviation = statistics
    return Samples((images - mean) / deviation, samples.labels)
