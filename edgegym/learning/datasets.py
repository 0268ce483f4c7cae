"""The data of both stages: where it comes from, and who holds which part."""

import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.datasets import CIFAR10, MNIST, ImageFolder
from torchvision.datasets.utils import check_integrity
from torchvision.transforms.v2.functional import InterpolationMode, rotate

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples
from edgegym.learning.partition import dirichlet_partition
from edgegym.two_stage.scenario import LearningTask

ENVIRONMENT_VARIABLE = "EDGEGYM_DATA"
DEFAULT_DATA_DIR = Path("~/.cache/edgegym")

#: Mean and standard deviation of the pixels, over all channels.
PIXEL_STATISTICS = {
    "digits": (0.3049, 0.3245),
    "mnist": (0.1307, 0.3081),
    "cifar10": (0.4733, 0.2516),
    "cinic10": (0.4733, 0.2516),
}


NAMES = {"digits": "Digits", "mnist": "MNIST", "cifar10": "CIFAR-10", "cinic10": "CINIC-10"}
CINIC10_TRAINING_IMAGES = 90_000


class TaskData(NamedTuple):
    """Who holds which samples; no two parts share one."""

    server: Samples
    devices: tuple[Samples, ...]
    validation: Samples
    test: Samples

    def to(self, device: torch.device) -> "TaskData":
        """Move everything to a device."""
        return TaskData(
            self.server.to(device),
            tuple(samples.to(device) for samples in self.devices),
            self.validation.to(device),
            self.test.to(device),
        )


def find_data_dir(data_dir: str | Path | None = None) -> Path:
    """Find where the data sets lie: the argument, else EDGEGYM_DATA, else ~/.cache/edgegym."""
    chosen = data_dir or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_DATA_DIR
    return Path(chosen).expanduser()


@lru_cache(maxsize=4)
def load_task_data(
    task: LearningTask, n_devices: int, data_dir: Path, device: torch.device
) -> TaskData:
    """Load both stages' data and share it out: server, devices, validation, test.

    The split is the same for every seed. Validation and test follow the devices' distribution,
    the target of the fine-tuning. Where both stages use one data set the server's part comes
    first, and the devices share what follows: evenly, or with `dirichlet_concentration` label by
    label (`edgegym.learning.partition`).

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
    if task.n_device_samples < n_devices:
        raise InputError(
            f"learning.n_device_samples must be at least one for each of {n_devices} devices; got "
            f"{task.n_device_samples}. Raise it."
        )
    target = _load(task.finetune_dataset, data_dir)
    shared = task.pretrain_dataset == task.finetune_dataset
    source = target if shared else _load(task.pretrain_dataset, data_dir)
    counts = [task.n_device_samples, task.n_validation_samples]
    if target.test is None:
        counts.append(task.n_test_samples)
    target_counts = [task.n_server_samples, *counts] if shared else counts
    parts = _share_out(target.train, target_counts, task.finetune_dataset)
    server = (
        parts.pop(0)
        if shared
        else _share_out(source.train, [task.n_server_samples], task.pretrain_dataset)[0]
    )
    if target.test is not None:
        parts += _share_out(target.test, [task.n_test_samples], f"{task.finetune_dataset} (test)")
    on_device, validation, test = (
        _prepare(part, task.finetune_dataset, task.finetune_rotation_deg) for part in parts
    )
    devices = tuple(_share_among_devices(on_device, n_devices, task.dirichlet_concentration))
    data = TaskData(_prepare(server, task.pretrain_dataset, 0.0), devices, validation, test)
    return data.to(device)


def full_name(name: str, data_dir: Path) -> str:
    """Name a data set as people do, and say "sample" of a part of CINIC-10.

    Examples
    --------
    >>> full_name("mnist", Path("data")), full_name("cinic10", Path("nowhere"))
    ('MNIST', 'CINIC-10 sample')
    """
    if name == "cinic10":
        n_images = sum(1 for _ in (data_dir / "cinic10" / "train").glob("*/*"))
        if n_images < CINIC10_TRAINING_IMAGES:
            return "CINIC-10 sample"
    return NAMES[name]


class RawData(NamedTuple):
    """A data set as it lies on disk: pixels in [0, 1], and its own test set if it has one."""

    train: Samples
    test: Samples | None


def _load(name: str, data_dir: Path) -> RawData:
    loaders: dict[str, Callable[[Path], RawData]] = {
        "digits": _load_digits,
        "mnist": _load_mnist,
        "cifar10": _load_cifar10,
        "cinic10": _load_cinic10,
    }
    return loaders[name](data_dir)


def _load_digits(data_dir: Path) -> RawData:
    """Load scikit-learn's 1,797 handwritten digits, scaled up from 8x8 to 28x28."""
    from sklearn.datasets import load_digits  # a second to import, and only this data set needs it

    images, labels = load_digits(return_X_y=True)
    small = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    large = interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    return RawData(Samples(large, torch.tensor(labels, dtype=torch.int64)), None)


def _load_mnist(data_dir: Path) -> RawData:
    archives = {f"MNIST/raw/{Path(name).name}": md5 for name, md5 in MNIST.resources}
    parts = _download(MNIST, "MNIST", archives, data_dir)
    train, test = (Samples(part.data[:, None].float() / 255, part.targets) for part in parts)
    return RawData(train, test)


def _load_cifar10(data_dir: Path) -> RawData:
    parts = _download(CIFAR10, CIFAR10.base_folder, {CIFAR10.filename: CIFAR10.tgz_md5}, data_dir)
    train, test = (
        Samples(
            torch.from_numpy(part.data).permute(0, 3, 1, 2).float() / 255,
            torch.tensor(part.targets, dtype=torch.int64),
        )
        for part in parts
    )
    return RawData(train, test)


def _load_cinic10(data_dir: Path) -> RawData:
    """Load CINIC-10's training images, without those that CIFAR-10 holds as well."""
    folder = data_dir / "cinic10" / "train"
    try:
        files = ImageFolder(
            str(folder), is_valid_file=lambda path: "cifar10-" not in Path(path).name
        )
        images = np.stack([np.asarray(image) for image, _ in files])
    except (OSError, ValueError) as error:
        raise InputError(
            f"data set cinic10 must be unpacked in {str(folder.parent)!r}; got {error}. "
            f"Unpack CINIC-10.tar.gz there, or set {ENVIRONMENT_VARIABLE} or --data-dir to where "
            "it lies."
        ) from None
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return RawData(Samples(pixels, torch.tensor(files.targets, dtype=torch.int64)), None)


def _download(
    dataset: Any, folder: str, archives: dict[str, str], data_dir: Path
) -> tuple[Any, Any]:
    """Read a torchvision data set, downloading or unpacking it first where that is needed.

    A download goes to a folder of its own until it is whole, so that one that breaks off leaves
    the data folder as it was.
    """
    packed = [data_dir / name for name in archives if (data_dir / name).is_file()]
    for path in packed:
        if not check_integrity(str(path), archives[str(path.relative_to(data_dir))]):
            raise InputError(
                f"archive {str(path)!r} must have its published MD5; got a damaged file. "
                "Delete it and get it again."
            )
    unpack = len(packed) == len(archives)
    try:
        if not packed and not (data_dir / folder).is_dir():
            data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=data_dir) as incoming:
                dataset(incoming, train=True, download=True)
                (Path(incoming) / folder).replace(data_dir / folder)
        return (
            dataset(str(data_dir), train=True, download=unpack),
            dataset(str(data_dir), train=False, download=unpack),
        )
    except (RuntimeError, OSError, ValueError, AssertionError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"data set {dataset.__name__} must lie whole in {str(data_dir / folder)!r} or be "
            f"downloadable; got neither ({reason}). Put {', '.join(archives)} into "
            f"{str(data_dir)!r}, or set {ENVIRONMENT_VARIABLE} or --data-dir to where they lie."
        ) from None


def _share_out(samples: Samples, counts: list[int], name: str) -> list[Samples]:
    """Deal out disjoint parts in an order that is mixed once and for all."""
    if sum(counts) > len(samples):
        raise InputError(
            f"the parts of data set {name} must hold at most {len(samples)} samples "
            f"together; got {' + '.join(map(str, counts))}. Lower learning.n_..._samples."
        )
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(samples)))
    return [samples.take(index) for index in order[: sum(counts)].split(counts)]


def _share_among_devices(
    samples: Samples, n_devices: int, concentration: float | None
) -> list[Samples]:
    """Deal out the devices' part: evenly, or by label with a concentration."""
    if concentration is None:
        return samples.split(len(samples) // n_devices)[:n_devices]
    rng = np.random.default_rng(1)  # 0 mixed them
    parts = dirichlet_partition(samples.labels.numpy(), n_devices, concentration, rng)
    return [samples.take(torch.from_numpy(index)) for index in parts]


def _prepare(samples: Samples, name: str, rotation_deg: float) -> Samples:
    """Rotate, then shift and scale the pixels to mean zero and deviation one."""
    mean, deviation = PIXEL_STATISTICS[name]
    images: Tensor = samples.images
    if rotation_deg:
        images = rotate(images, rotation_deg, interpolation=InterpolationMode.BILINEAR)
    return Samples((images - mean) / deviation, samples.labels)
