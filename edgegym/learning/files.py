"""Data sets that people bring: arrays, files of them, folders of images, torchvision's by name."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples

CHANNELS = (1, 3, 4)


def as_parts(name: str, loaded: Any) -> tuple[Samples, Samples | None]:
    """Read what a loader gives: samples and labels, then those of a test set, or pairs of them.

    Bytes are scaled to [0, 1]. Images get their channels first, grey ones a channel; labels that
    are no numbers are counted in their sorted order.

    Parameters
    ----------
    name : of the data set
    loaded : (n, ...) samples and (n,) labels, arrays or tensors, perhaps twice

    Raises
    ------
    InputError
        If that is something else.

    Examples
    --------
    >>> train, test = as_parts("mine", (np.zeros((4, 8, 8), np.uint8), ["b", "a", "b", "b"]))
    >>> train.images.shape, train.labels.tolist(), test
    (torch.Size([4, 1, 8, 8]), [1, 0, 1, 1], None)
    """
    if isinstance(loaded, Sequence) and len(loaded) == 2 and all(map(_is_pair, loaded)):
        loaded = (*loaded[0], *loaded[1])
    if not isinstance(loaded, Sequence) or len(loaded) not in (2, 4):
        raise _refused(name, "samples and labels, and perhaps those of a test set", _kind(loaded))
    images = [_numbers(name, part) for part in loaded[::2]]
    labels = _classes(name, loaded[1::2])
    for sample, label in zip(images, labels, strict=True):
        if len(sample) != len(label):
            got = f"{len(sample)} samples with {len(label)} labels"
            raise _refused(name, "one label for every sample", got)
    parts = [Samples(*part) for part in zip(images, labels, strict=True)]
    if len({part.images.shape[1:] for part in parts}) > 1:
        shapes = " and ".join("x".join(map(str, part.images.shape[1:])) for part in parts)
        raise _refused(name, "test samples of the same shape as its others", shapes)
    return parts[0], parts[1] if len(parts) == 2 else None


def load_npz(data_dir: Path, path: str) -> tuple[Any, ...]:
    """Read arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, from a file.

    Raises
    ------
    InputError
        If it does not lie there, or in the data folder, or holds no such arrays.
    """
    file = _found(data_dir, path, "npz")
    with np.load(file, allow_pickle=False) as arrays:
        for keys in (("x_train", "y_train", "x_test", "y_test"), ("x_train", "y_train"), "xy"):
            if all(key in arrays for key in keys):
                return tuple(arrays[key] for key in keys)
        raise _refused(
            f"npz:{path}",
            "arrays x and y, or x_train, y_train, x_test, y_test",
            ", ".join(arrays) or "none",
        )


def load_folder(data_dir: Path, path: str) -> tuple[Any, ...]:
    """Read the images of a folder that has one folder a class, or of its parts train and test.

    Raises
    ------
    InputError
        If there is none, or its images are of several sizes.
    """
    folder = _found(data_dir, path, "folder")
    parts = [folder / part for part in ("train", "test") if (folder / part).is_dir()]
    return tuple(array for part in parts or [folder] for array in _read_images(part, path))


def load_torchvision(data_dir: Path, name: str) -> tuple[Any, ...]:
    """Load a data set of torchvision, and download it where it does not lie in the data folder.

    Raises
    ------
    InputError
        If it cannot be had, or its images are of several sizes.
    """
    from torchvision import datasets

    make = getattr(datasets, name)
    takes = signature(make).parameters
    fixed: dict[str, Any] = {"download": True} if "download" in takes else {}
    if name == "EMNIST":
        fixed["split"] = "balanced"
    if "train" in takes:
        ways: list[dict[str, Any]] = [{"train": True}, {"train": False}]
    else:
        ways = [{"split": "train"}, {"split": "test"}] if "split" in takes else [{}]
    try:
        parts = [make(str(data_dir), **fixed, **way) for way in ways]
    except Exception as error:  # what a broken download raises is not written anywhere
        reason = " ".join(str(error).split())
        raise InputError(
            f"data set {name} must lie whole in {str(data_dir)!r} or be downloadable; got neither "
            f"({reason}). Put its files there, or set EDGEGYM_DATA or --data-dir to where they lie."
        ) from None
    return tuple(array for part in parts for array in _of_torchvision(name, part))


def _of_torchvision(name: str, part: Any) -> tuple[Any, Any]:
    data = getattr(part, "data", None)
    labels = getattr(part, "targets", getattr(part, "labels", None))
    if isinstance(data, np.ndarray | Tensor) and labels is not None:
        return data, labels
    pairs = [(np.asarray(image.convert("RGB")), label) for image, label in part]
    return _stacked(name, [image for image, _ in pairs]), [label for _, label in pairs]


def _read_images(folder: Path, path: str) -> tuple[NDArray[Any], list[str]]:
    from PIL import Image
    from torchvision.datasets.folder import IMG_EXTENSIONS

    files = [file for file in folder.glob("*/*") if file.suffix.lower() in IMG_EXTENSIONS]
    if not files:
        raise _refused(f"folder:{path}", "images in one folder for every class", "none")
    files.sort(key=lambda file: file.as_posix())
    images = []
    for file in files:
        try:
            with Image.open(file) as image:
                images.append(np.asarray(image if image.mode == "L" else image.convert("RGB")))
        except OSError as error:
            raise InputError(
                f"image {str(file)!r} must be whole; got {error}. Delete it, or get it again."
            ) from None
    return _stacked(f"folder:{path}", images), [file.parent.name for file in files]


def _stacked(name: str, images: list[NDArray[Any]]) -> NDArray[Any]:
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        got = " and ".join("x".join(map(str, shape)) for shape in shapes[:2])
        raise _refused(name, "images of one size", got)
    return np.stack(images)


def _found(data_dir: Path, path: str, kind: str) -> Path:
    """Find a file or folder as it is written, else in the data folder."""
    for found in (Path(path).expanduser(), data_dir / path):
        if found.exists():
            return found
    raise InputError(
        f"{kind}:{path} must name what exists, here or in {str(data_dir)!r}; got none. "
        "Correct the path."
    )


def _is_pair(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2


def _numbers(name: str, samples: Any) -> Tensor:
    """Take samples as a network does: channels first, bytes scaled, floats in 32 bits."""
    try:
        array = torch.as_tensor(samples if isinstance(samples, Tensor) else np.asarray(samples))
    except (TypeError, ValueError):
        raise _refused(name, "samples that are numbers", _kind(samples)) from None
    if array.dim() < 2 or array.is_complex():
        got = f"shape {tuple(array.shape)} of {array.dtype}"
        raise _refused(name, "samples of real numbers, one a row", got)
    if array.dim() == 3 and array.dtype != torch.int64:
        array = array[:, None]
    elif array.dim() == 4 and array.shape[1] not in CHANNELS and array.shape[3] in CHANNELS:
        array = array.permute(0, 3, 1, 2)
    if array.dtype == torch.uint8:
        return (array.float() / 255).contiguous()
    if not array.is_floating_point():
        return array.long().contiguous()
    if not bool(torch.isfinite(array).all()):
        raise _refused(name, "finite samples", "NaN or infinite ones")
    return array.float().contiguous()


def _classes(name: str, labels: Sequence[Any]) -> list[Tensor]:
    """Count the classes: as they are if they are whole numbers, else in their sorted order."""
    arrays = [np.asarray(part) for part in labels]
    if any(array.ndim != 1 or not array.size for array in arrays):
        raise _refused(name, "a row of labels", f"shape {arrays[0].shape}")
    if all(np.issubdtype(array.dtype, np.integer) for array in arrays):
        if min(array.min() for array in arrays) < 0:
            raise _refused(name, "labels from 0 on", str(min(array.min() for array in arrays)))
        return [torch.from_numpy(array.astype(np.int64)) for array in arrays]
    if any(array.dtype.kind not in "US" for array in arrays):
        got = f"labels of {arrays[0].dtype}"
        raise _refused(name, "labels that are whole numbers or names", got)
    names = np.unique(np.concatenate(arrays))
    return [torch.from_numpy(np.searchsorted(names, array).astype(np.int64)) for array in arrays]


def _kind(value: Any) -> str:
    return f"{len(value)} of them" if isinstance(value, tuple | list) else type(value).__name__


def _refused(name: str, rule: str, got: str) -> InputError:
    return InputError(f"data set {name!r} must hold {rule}; got {got}. Correct it.")
