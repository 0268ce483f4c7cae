"""The accuracy law: what fine-tuning reaches at each split, measured with real training.

`edgegym study split` measures and writes it; planners and the measure `expected_error` read it.
"""

from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edgegym.errors import InputError, from_validation
from edgegym.physics import Array, Numbers
from edgegym.scenario.fields import Count, NonNegative
from edgegym.scenario.learning_task import LearningTask
from edgegym.systems.split.scenario import SplitScenario

Accuracy = Annotated[float, Field(ge=0, le=1)]
#: What says how the law was measured and has to be the scenario's.
MEASURED_WITH = (
    *("batch_size", "averaging_interval", "learning_rate", "weight_decay"),
    *("pretrain_steps", "pretrain_batch_size", "samples_per_device"),
)


class Cell(BaseModel):
    """One layer with one rank: the accuracy on the validation samples after so many rounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: Annotated[int, Field(ge=0)]
    rank: Annotated[int, Field(ge=0)]
    accuracy: list[Accuracy]  # mean over the seeds
    half_width: list[NonNegative]  # of its 95 % interval


class AccuracyLaw(BaseModel):
    """What was measured of a network, as a table over splits and rounds.

    The accuracy between two looks is interpolated, beyond the last one it stays; where a look
    finds less than one before it, the better one counts. A round of B samples of each device
    counts as (B / B_0)^p rounds of the B_0 it was measured with.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("split-digits")
    >>> law = load_law(scenario)
    >>> some, more = law.accuracy(2, 4, np.array([25.0, 250.0]))
    >>> bool(some < more)
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str
    n_seeds: Count
    learning: LearningTask
    measured_with: dict[str, float]
    rounds: list[Annotated[int, Field(ge=0)]]
    start_accuracy: Accuracy  # of the pre-trained network, before it is split
    batch_exponent: NonNegative  # p
    cells: list[Cell]

    @model_validator(mode="after")
    def _a_figure_for_each_look(self) -> "AccuracyLaw":
        wanted = len(self.rounds)
        for cell in self.cells:
            if not len(cell.accuracy) == len(cell.half_width) == wanted > 1:
                raise ValueError(
                    f"cells must hold an accuracy and a half_width for each of {wanted} rounds, "
                    f"two at least; got {len(cell.accuracy)} at layer {cell.layer}, rank "
                    f"{cell.rank}"
                )
        return self

    def progress(self, batch_size: Numbers) -> Array:
        """Say for how many of its rounds one with so many samples of each device counts."""
        ratio = np.asarray(batch_size) / self.measured_with["batch_size"]
        return np.asarray(ratio**self.batch_exponent)

    def accuracy(self, layer: Numbers, rank: Numbers, progress: Numbers) -> Array:
        """Give the accuracy that is expected after so many rounds; of a split that was measured."""
        table = self._table
        row = table.row[np.asarray(layer, dtype=int), np.asarray(rank, dtype=int)]
        place = np.interp(progress, table.rounds, np.arange(table.rounds.size))
        low = np.minimum(place.astype(int), table.rounds.size - 2)
        part, known = place - low, table.accuracy
        return np.asarray((1 - part) * known[row, low] + part * known[row, low + 1])

    def known(self, layer: Array, rank: Array) -> tuple[Array, Array]:
        """Take the rank of 0 where there is none: all in the cloud, or all on the edge."""
        most = max(cell.layer for cell in self.cells if cell.rank)
        return layer, np.where((layer > 0) & (layer <= most), rank, 0)

    def final(self, layer: int, rank: int) -> float:
        """Give the accuracy after all rounds that were measured."""
        return float(self.accuracy(layer, rank, self.rounds[-1]))

    @cached_property
    def _table(self) -> "_Table":
        most = (max(getattr(cell, key) for cell in self.cells) for key in ("layer", "rank"))
        rows = np.zeros([1 + end for end in most], dtype=int)
        for place, cell in enumerate(self.cells):
            rows[cell.layer, cell.rank] = place
        best = np.maximum.accumulate([cell.accuracy for cell in self.cells], axis=1)
        return _Table(rows, np.array(self.rounds, dtype=float), best)


class _Table(NamedTuple):
    row: Array  # of a layer and a rank
    rounds: Array
    accuracy: Array  # (cells, rounds)


def load_law(scenario: SplitScenario) -> AccuracyLaw:
    """Load the law that a scenario names: a shipped one, or a file that the study wrote.

    Raises
    ------
    InputError
        If there is none, it was measured of something else, or it lacks a split that the scenario
        lets choose.
    """
    law = _read(scenario.accuracy_law)
    measured = {(cell.layer, cell.rank) for cell in law.cells}
    if lacking := [pair for pair in scenario.splits() if pair not in measured]:
        raise InputError(
            f"accuracy_law must hold every split that may be chosen; got {scenario.accuracy_law!r} "
            f"without layer {lacking[0][0]}, rank {lacking[0][1]}. Measure it: edgegym study "
            "split, or leave it out of split_layers and ranks."
        )
    for key in MEASURED_WITH:
        if law.measured_with.get(key) != getattr(scenario, key):
            raise InputError(
                f"accuracy_law must be measured with {key} {getattr(scenario, key):g}, as in "
                f"scenario {scenario.name!r}; got one with {law.measured_with.get(key)}. Measure "
                "another: edgegym study split."
            )
    return law


@lru_cache(maxsize=8)
def _read(name: str) -> AccuracyLaw:
    shipped = Path(str(resources.files("edgegym.curves"))) / "split" / f"{name}.json"
    file = shipped if shipped.is_file() else Path(name)
    try:
        return AccuracyLaw.model_validate_json(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"accuracy_law must be a shipped law or a file that `edgegym study split` wrote; got "
            f"{name!r} ({error}). Check the path."
        ) from None
    except ValidationError as error:
        raise from_validation(error, AccuracyLaw.model_fields, str(file)) from None
