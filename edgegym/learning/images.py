"""The image data sets that are shipped by name: downloaded, unpacked and read."""

import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples
from edgegym.learning.sources import ENVIRONMENT_VARIABLE, RawData
from edgegym.scenario.catalogue import COLOUR, DATASETS, GREY

NAMES = {
    "digits": "Digits",
    "digits-8x8": "Digits",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "cinic10": "CINIC-10",
}
#: What a damaged file makes torchvision raise.
UNREADABLE = (RuntimeError, OSError, ValueError, AssertionError, TypeError, KeyError)


def full_name(name: str, data_dir: Path) -> str:
    """Name a data set as people do, and say "sample" of a part of CINIC-10.

    Examples
    --------
    >>> full_name("mnist", Path("data")), full_name("cinic10", Path("nowhere"))
    ('MNIST', 'CINIC-10 sample')
    """
    if name == "cinic10" and len(_cinic10_files(data_dir)) < (DATASETS[name].n_samples or 0):
        return "CINIC-10 sample"
    return NAMES.get(name, name)


def load_digits(data_dir: Path) -> RawData:
    """Load scikit-learn's handwritten digits, scaled up from 8x8 to 28x28."""
    small, _ = load_small_digits(data_dir)[:2]
    large = interpolate(small.images, size=GREY.shape[1:], mode="bilinear", align_corners=False)
    return RawData(Samples(large, small.labels), None)


def load_small_digits(data_dir: Path) -> RawData:
    """Load scikit-learn's 1,797 handwritten digits of 8x8 pixels.

    Their file is read without importing it, which would take a second in every worker.
    """
    package = find_spec("sklearn")
    assert package is not None and package.submodule_search_locations
    table = np.loadtxt(
        Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz",
        delimiter=",",
        dtype=np.float32,
    )
    images = torch.from_numpy(table[:, :-1]).reshape(-1, 1, 8, 8) / 16
    return RawData(Samples(images, torch.from_numpy(table[:, -1].astype(np.int64))), None)


def load_mnist(data_dir: Path) -> RawData:
    """Load MNIST, and download it where it does not lie there."""
    from torchvision.datasets import MNIST  # two seconds to import, which the digits do not need

    archives = {f"MNIST/raw/{Path(name).name}": md5 for name, md5 in MNIST.resources}
    parts = _download(MNIST, "MNIST", archives, data_dir)
    train, test = (Samples(part.data[:, None].float() / 255, part.targets) for part in parts)
    return RawData(train, test)


def load_cifar10(data_dir: Path) -> RawData:
    """Load CIFAR-10, and download it where it does not lie there."""
    from torchvision.datasets import CIFAR10

    parts = _download(CIFAR10, CIFAR10.base_folder, {CIFAR10.filename: CIFAR10.tgz_md5}, data_dir)
    train, test = (
        Samples(
            torch.from_numpy(part.data).permute(0, 3, 1, 2).float() / 255,
            torch.tensor(part.targets, dtype=torch.int64),
        )
        for part in parts
    )
    return RawData(train, test)


def load_cinic10(data_dir: Path) -> RawData:
    """Load CINIC-10's training images, without those that CIFAR-10 holds as well."""
    files, needed = _cinic10_files(data_dir), COLOUR
    classes = sorted({file.parent.name for file in files})
    if len(classes) != needed.n_classes:
        folder = str(data_dir / "cinic10")
        raise InputError(
            f"data set cinic10 must be unpacked in {folder!r}, with images of {needed.n_classes} "
            f"classes in folders under train; got {len(classes)} ({', '.join(classes) or 'none'}). "
            f"Unpack CINIC-10.tar.gz there, or set {ENVIRONMENT_VARIABLE} or --data-dir to where "
            "it lies."
        )
    images = np.stack([_read_image(file, needed.shape[1]) for file in files])
    labels = torch.tensor([classes.index(file.parent.name) for file in files])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return RawData(Samples(pixels, labels), None)


def _cinic10_files(data_dir: Path) -> list[Path]:
    """List the images of its own that CINIC-10's training part has, in one order everywhere."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    files = (data_dir / "cinic10" / "train").glob("[!.]*/[!.]*")
    images = (file for file in files if file.suffix.lower() in IMG_EXTENSIONS)
    return sorted(
        (file for file in images if "cifar10-" not in file.name), key=lambda file: file.as_posix()
    )


def _read_image(file: Path, side_px: int) -> NDArray[np.uint8]:
    """Read a square colour image, shape (side, side, 3)."""
    from torchvision.datasets.folder import pil_loader

    try:
        image = np.asarray(pil_loader(str(file)))
    except (OSError, ValueError) as error:
        raise InputError(
            f"image {str(file)!r} must be whole; got {error}. Unpack it again, or delete it."
        ) from None
    if image.shape[:2] != (side_px, side_px):
        raise InputError(
            f"image {str(file)!r} must have {side_px}x{side_px} pixels; got "
            f"{image.shape[1]}x{image.shape[0]}. Scale it, or delete it."
        )
    return image


def _download(
    dataset: Any, folder: str, archives: dict[str, str], data_dir: Path
) -> tuple[Any, Any]:
    """Read a torchvision data set; where it does not lie there whole, unpack or download it first.

    Of several processes one does so, and the others wait. A download goes to a folder of its own
    until it is whole, so that one that breaks off leaves the data set's folder as it was.
    """
    from torchvision.datasets.utils import extract_archive

    with suppress(*UNREADABLE):
        return _read(dataset, data_dir)
    packed = _whole_archives(archives, data_dir)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(data_dir / f".{folder}.lock"):
            with suppress(*UNREADABLE):  # if another process was here meanwhile
                return _read(dataset, data_dir)
            if len(packed) == len(archives):
                for path in packed:
                    extract_archive(str(path))
            elif not packed and not (data_dir / folder).is_dir():
                with tempfile.TemporaryDirectory(dir=data_dir) as incoming:
                    dataset(incoming, train=True, download=True)
                    (Path(incoming) / folder).replace(data_dir / folder)
            return _read(dataset, data_dir)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"data set {dataset.__name__} must lie whole in {str(data_dir / folder)!r} or be "
            f"downloadable; got neither ({reason}). Put {', '.join(archives)} into "
            f"{str(data_dir)!r}, or set {ENVIRONMENT_VARIABLE} or --data-dir to where they lie."
        ) from None


def _read(dataset: Any, data_dir: Path) -> tuple[Any, Any]:
    return dataset(str(data_dir), train=True), dataset(str(data_dir), train=False)


def _whole_archives(archives: dict[str, str], data_dir: Path) -> list[Path]:
    """List the archives that lie there; a damaged one is refused."""
    from torchvision.datasets.utils import check_integrity

    packed = []
    for name, md5 in archives.items():
        path = data_dir / name
        if path.is_file() and not check_integrity(str(path), md5):
            raise InputError(
                f"archive {str(path)!r} must have its published MD5; got a damaged file. "
                "Delete it and get it again."
            )
        if path.is_file():
            packed.append(path)
    return packed
