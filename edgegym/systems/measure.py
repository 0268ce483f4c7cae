"""What is measured of an episode: the list that tables, CSV files, rankings and pictures read."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measure:
    """One final figure of an episode, and how it is written.

    Parameters
    ----------
    name : its key in an episode, and its column in a CSV file
    label : what people read above a column
    unit : what it is in, where it has a unit
    form : how a number of it is written
    less_is_better : None where neither is better
    varies : whether seeds make it uncertain, so that an interval stands beside its mean
    derive : works it out of an episode's other figures, where it is not one of them
    """

    name: str
    label: str
    unit: str = ""
    form: str = ".4g"
    less_is_better: bool | None = None
    varies: bool = False
    derive: Callable[[Mapping[str, Any]], float] | None = None

    @property
    def heading(self) -> str:
        """The label with its unit, as in `delay s`."""
        return f"{self.label} {self.unit}".strip()


#: Of every system, in the order of their columns; the system's own stand behind them.
COMMON = (
    Measure("train_loss", "train loss", form=".3f", less_is_better=True, varies=True),
    Measure("test_loss", "test loss", form=".3f", less_is_better=True, varies=True),
    Measure("test_accuracy", "accuracy", form=".3f", less_is_better=False, varies=True),
    Measure("total_delay_s", "delay", "s", ".1f", less_is_better=True),
    Measure("total_energy_j", "energy", "J", ".2f", less_is_better=True),
)
#: Of devices whose data differ, where something was really trained.
SERVED = (
    Measure("worst_device_accuracy", "worst device", form=".3f", less_is_better=False, varies=True),
    Measure(
        "device_accuracy_spread", "spread of devices", form=".3f", less_is_better=True, varies=True
    ),
)
#: Known of every episode as well, and shown where nothing else was trained.
VALIDATED = (
    Measure("validation_loss", "validation loss", form=".3f", less_is_better=True, varies=True),
    Measure(
        "validation_accuracy", "validation accuracy", form=".3f", less_is_better=False, varies=True
    ),
)


def _round_delay_s(figures: Mapping[str, Any]) -> float:
    """Average the latency over the rounds; not a number where none was done."""
    n_rounds = figures["n_rounds"]
    return figures["total_delay_s"] / n_rounds if n_rounds else math.nan


#: Of systems of one stage, whose rounds are to be many.
OF_ROUNDS = (
    Measure(
        "round_delay_s", "latency", "s a round", ".4f", less_is_better=True, derive=_round_delay_s
    ),
    Measure("n_rounds", "rounds", form=".0f", less_is_better=False),
)
