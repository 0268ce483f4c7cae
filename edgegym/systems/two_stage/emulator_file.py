"""The emulator of what a scenario trains, shipped or from a file."""

from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from edgegym.errors import InputError, as_path, from_validation
from edgegym.scenario.learning_task import LearningTask
from edgegym.systems.two_stage.emulator import Emulator
from edgegym.systems.two_stage.scenario import Scenario

#: What only says how results are looked at, and changes no loss.
LOOKS = {"n_validation_samples", "n_test_samples", "validation_interval"}


def load_emulator(scenario: Scenario, path: str | Path | None = None) -> Emulator:
    """Load the emulator of what a scenario trains: from a file, else the shipped one.

    Budgets, radio and processors may be any, they do not touch the learning.

    Raises
    ------
    InputError
        If none was fitted for this network, data and learning rate, the federation is not the
        paper's, or the file is damaged.
    """
    scenario.federation.require_papers("to be emulated", "Use fidelity='train' or 'bound'.")
    curves = Path(str(resources.files("edgegym.curves")))
    files = [as_path("emulator", path)] if path is not None else sorted(curves.glob("*.json"))
    for file in files:
        emulator = _read(file)
        if emulator.learning_rate == scenario.learning_rate and _alike(
            emulator.learning, scenario.learning
        ):
            return emulator
    which = f"{str(path)!r} does not fit" if path else "no shipped one fits"
    raise InputError(
        f"fidelity 'curve' must have an emulator fitted for what is trained; got scenario "
        f"{scenario.name!r}, and {which}. "
        f"Run `edgegym calibrate --scenario ...` and give its emulator.json, or train for real."
    )


def has_emulator(scenario: Scenario) -> bool:
    """Tell whether an emulator is shipped for what a scenario trains.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> has_emulator(load_scenario("mnist")), has_emulator(load_scenario("cinic10-cifar10"))
    (True, False)
    """
    try:
        load_emulator(scenario)
    except InputError:
        return False
    return True


def _alike(fitted: LearningTask, asked: LearningTask) -> bool:
    return fitted.model_dump(exclude=LOOKS) == asked.model_dump(exclude=LOOKS)


def _read(file: Path) -> Emulator:
    try:
        return Emulator.model_validate_json(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"emulator file must be readable; got {str(file)!r} ({error}). Check the path."
        ) from None
    except ValidationError as error:
        raise from_validation(error, Emulator.model_fields, str(file)) from None
