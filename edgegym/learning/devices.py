"""Where to train, and how numbers get there."""

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgegym.errors import InputError


def find_device(name: str) -> torch.device:
    """Choose where to train: "auto" takes a GPU where there is one.

    Raises
    ------
    InputError
        If a GPU is asked for that is not there, or the name is another.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"device must be auto, cpu, cuda or cuda:N; got {name!r}. Correct it.")
    device = torch.device(name)
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= n_gpus:
        raise InputError(
            f"device must be present; got {name!r}, and torch sees {n_gpus or 'no'} GPU. "
            "Use device='cpu' or 'auto'."
        )
    return device


def send_index(index: NDArray[np.int64], device: torch.device) -> Tensor:
    """Copy samples' places to a device.

    A copy out of ordinary memory would make the host wait until a GPU has done all before it.
    """
    host = torch.from_numpy(index)
    if device.type == "cuda":
        return host.pin_memory().to(device, non_blocking=True)
    return host
