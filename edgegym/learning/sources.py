"""Where data sets lie, and what a loader gives of one, checked against what is known of it."""

import os
from pathlib import Path
from typing import NamedTuple

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples
from edgegym.learning.files import as_parts
from edgegym.scenario.catalogue import Inputs, find_dataset
from edgegym.systems.system import imported

ENVIRONMENT_VARIABLE = "EDGEGYM_DATA"
DEFAULT_DATA_DIR = Path("~/.cache/edgegym")


def find_data_dir(data_dir: str | Path | None = None) -> Path:
    """Find where the data sets lie: the argument, else EDGEGYM_DATA, else ~/.cache/edgegym."""
    chosen = data_dir or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_DATA_DIR
    return Path(chosen).expanduser()


class RawData(NamedTuple):
    """A data set as it lies on disk: pixels in [0, 1], and its own test set if it has one."""

    train: Samples
    test: Samples | None
    # What is known of it beforehand, None to count and to measure.
    inputs: Inputs | None = None
    pixel_statistics: tuple[float, float] | None = None


def load_raw(name: str, data_dir: Path) -> RawData:
    """Load a data set, and make sure that it holds such samples as the scenario counted on.

    Raises
    ------
    InputError
        If it is missing and cannot be had, is damaged, or holds other samples.
    """
    held = find_dataset(name)
    load = imported(held.loader) if isinstance(held.loader, str) else held.loader
    try:
        loaded = load(data_dir, *held.arguments)
    except InputError:
        raise
    except Exception as error:  # a loader of people's own may raise anything
        raise InputError(
            f"data set {name!r} must be loaded by its loader; got {type(error).__name__}: {error}. "
            "Correct the loader."
        ) from None
    train, test = loaded[:2] if isinstance(loaded, RawData) else as_parts(name, loaded)
    for part in (train, test):
        if held.inputs and part:
            _require(held.inputs, part, f"data set {name} in {str(data_dir)!r}")
    return RawData(train, test, held.inputs, held.pixel_statistics)


def _require(inputs: Inputs, part: Samples, name: str) -> None:
    got = inputs_of(RawData(part, None))
    if got.shape != inputs.shape or got.n_classes > inputs.n_classes:
        raise InputError(f"{name} must hold {inputs}; got {got}. Get the published files.")


def inputs_of(raw: RawData) -> Inputs:
    """Count what a network must take that is trained on a data set."""
    largest = max(int(part.labels.max()) for part in raw[:2] if part is not None)
    return Inputs(tuple(raw.train.images.shape[1:]), largest + 1)
