"""The learner of an environment, by its fidelity."""

import warnings
from functools import partial
from inspect import signature
from typing import Any

from edgegym.errors import InputError
from edgegym.lifecycle.learners import Learner, NoLearner, OneByOne
from edgegym.lifecycle.rules import Rules
from edgegym.lifecycle.settings import Settings
from edgegym.systems.system import System, imported

#: Kinds of device on which networks are trained stacked. On a CPU one after another is faster but
#: for tiny batches (`edgegym bench vector`), so only the tests train stacked there: they set this.
STACKING_DEVICES = {"cuda"}


def make_learner(
    system: System, rules: Rules, settings: Settings, n_copies: int | None = None
) -> Learner:
    """Make what trains the network of one environment, or those of many copies at once.

    Raises
    ------
    InputError
        If the scenario trains nothing or the system has no emulator, and one is asked for, or many
        networks would be trained on a CPU.
    """
    if settings.fidelity == "bound":
        for remark in system.untrained(rules.scenario):
            warnings.warn(remark, stacklevel=2)
        return NoLearner(rules.initial_loss)
    scenario = rules.scenario
    if settings.fidelity == "curve":
        if system.emulator is None:
            raise InputError(
                f"fidelity must be 'train' or 'bound' for system {system.name!r}, which has no "
                "emulator; got 'curve'. Use one of these."
            )
        return system.emulator(scenario, settings.emulator, n_copies or 1)
    if scenario.learning is None:
        raise InputError(
            f"learning must be given in scenario {scenario.name!r} for real training; got none. "
            "Add a [learning] table, or use fidelity='bound'."
        )
    import torch  # two seconds to import, and only training needs it

    if settings.torch_threads is not None:
        torch.set_num_threads(settings.torch_threads)
    where = settings.device, settings.data_dir
    if n_copies is not None:
        return imported(str(system.stacked))(scenario, n_copies, *where)
    learner = imported(system.learner)
    make = partial(_made, learner, scenario, *where, _given(learner, scenario, settings))
    return OneByOne(make, scenario.learning.validation_interval)


def _given(learner: Any, scenario: Any, settings: Settings) -> dict[str, Any]:
    """Take network and data as the user gives them; data are shared out once for all episodes."""
    pairs = {"network": settings.network, "data": settings.data}
    given = {key: value for key, value in pairs.items() if value is not None}
    for key in given.keys() - signature(learner).parameters.keys():
        raise InputError(
            f"{key} must be left out for scenario {scenario.name!r}, whose system has its own; "
            "got one. Leave it out."
        )
    if "data" in given and hasattr(learner, "share_data"):
        given["data"] = learner.share_data(given["data"], scenario)
    return given


def _made(
    learner: Any, scenario: Any, device: str, data_dir: Any, given: dict[str, Any], seed: int
) -> Any:
    return learner(scenario, seed, device, data_dir, **given)


def trains_stacked(system: System, settings: Settings) -> bool:
    """Tell whether many networks are trained at once: by name, on a device that suits it."""
    from edgegym.learning.devices import find_device  # torch, which only training needs

    by_name = settings.network is None and settings.data is None
    suits = find_device(settings.device).type in STACKING_DEVICES
    return system.stacked is not None and by_name and suits
