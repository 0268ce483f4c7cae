"""The one list of what is measured, as tables, CSV files, rankings and pictures read it."""

from dataclasses import replace
from typing import Any, NamedTuple

from edgegym.systems.measure import COMMON, SERVED, VALIDATED, Measure
from edgegym.systems.system import SYSTEMS, System, system_of


def measures_of(system: System, scenario: Any = None) -> tuple[Measure, ...]:
    """List the columns of a system's tables: those of all, then its own, as a scenario calls them.

    Examples
    --------
    >>> from edgegym.systems.two_stage import TWO_STAGE
    >>> [measure.heading for measure in measures_of(TWO_STAGE)][2:]
    ['accuracy', 'delay s', 'energy J', 'bound', 'M', 'N']
    >>> from edgegym import load_scenario
    >>> measures_of(TWO_STAGE, load_scenario("mnist"))[5].heading
    'bound (34)'
    """
    labels = {} if scenario is None else system.labels(scenario)
    own = (replace(one, label=labels.get(one.name, one.label)) for one in system.measures)
    return (*COMMON, *own)


def known_measures(scenario: Any = None) -> dict[str, Measure]:
    """Map the names of all measures of all systems to them, as a scenario calls its own."""
    own = [measure for system in SYSTEMS.values() for measure in system.measures]
    if scenario is not None:
        own += measures_of(system_of(scenario), scenario)
    return {measure.name: measure for measure in (*COMMON, *SERVED, *VALIDATED, *own)}


class Metric(NamedTuple):
    """What contenders are ranked by, less being better, and the accuracy beside it, if any."""

    loss: str
    accuracy: str | None
    label: str


def metric_of(fidelity: str, system: System, scenario: Any = None) -> Metric:
    """Choose what is ranked by: the loss, or without training the system's first measure.

    It is labelled as the scenario calls it, if one is at hand.

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
    first = measures_of(system, scenario)[len(COMMON)]
    return Metric(first.name, None, first.heading)
