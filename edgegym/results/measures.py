"""The one list of what is measured, as tables, CSV files, rankings and pictures read it."""

from typing import NamedTuple

from edgegym.systems.measure import COMMON, SERVED, VALIDATED, Measure
from edgegym.systems.system import SYSTEMS, System


def measures_of(system: System) -> tuple[Measure, ...]:
    """List the columns of a system's tables: those of all, then its own.

    Examples
    --------
    >>> from edgegym.systems.two_stage import TWO_STAGE
    >>> [measure.heading for measure in measures_of(TWO_STAGE)][2:]
    ['accuracy', 'delay s', 'energy J', 'bound (34)', 'M', 'N']
    """
    return (*COMMON, *system.measures)


def known_measures() -> dict[str, Measure]:
    """Map the names of all measures of all systems to them."""
    own = [measure for system in SYSTEMS.values() for measure in system.measures]
    return {measure.name: measure for measure in (*COMMON, *SERVED, *VALIDATED, *own)}


class Metric(NamedTuple):
    """What contenders are ranked by, less being better, and the accuracy beside it, if any."""

    loss: str
    accuracy: str | None
    label: str


def metric_of(fidelity: str, system: System) -> Metric:
    """Choose what is ranked by: the loss, or without training the system's first measure.

    Examples
    --------
    >>> from edgegym.systems.two_stage import TWO_STAGE
    >>> metric_of("train", TWO_STAGE).label, metric_of("bound", TWO_STAGE).loss
    ('test loss', 'gradient_norm_bound')
    """
    if fidelity == "train":
        return Metric("test_loss", "test_accuracy", "test loss")
    if fidelity == "curve":
        return Metric("validation_loss", "validation_accuracy", "validation loss")
    first = system.measures[0]
    return Metric(first.name, None, first.heading)
