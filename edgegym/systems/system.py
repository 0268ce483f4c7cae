"""A system, as everything that is shared knows it: one record, and the list of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from edgegym.errors import unknown_name
from edgegym.lifecycle.rules import Rules
from edgegym.scenario.base import BaseScenario
from edgegym.systems.measure import Measure


@dataclass(frozen=True, kw_only=True)
class System:
    """What a system is made of; modules that need more than NumPy are named, loaded when used.

    Parameters
    ----------
    name : `--system`, and `system = "..."` in a scenario file
    env_id : the environment's id
    default_scenario : a shipped name, a file, or a scenario
    scenario, plan : its classes
    rules : makes the rules of a scenario
    evaluate : the referee, of a plan and a scenario
    learner : "module:class" of its one network, made of scenario, seed, device and data folder
    planner : "module:function", of scenario, scheme and method
    stacked : "module:class" of many networks trained at once on a GPU, where there is one
    emulator : gives the learner of fidelity `curve` of scenario, file and number of copies
    designs : rows of `compare`, each a scheme and a method
    entrants : rows of `evaluate` that are planned ahead, in the same way
    can_plan : tells of a scenario and a scheme, method or policy whether what it needs is there,
        such as an emulator; rows of others are left out
    reference : which of them the others are measured by
    bounds_episodes : whether no episode is below what its planner proves where the channel stands
        still; not where plans leave something as it is that an episode decides
    policies : rows of `evaluate` that decide of the state: "module:function" of a scenario
    measures : columns of its tables beside the common ones
    labels : what a scenario calls some of them, by name, where it has a word of its own
    describe : what one round of a plan does, by name; of None as well
    remarks : says what a scenario may hold and hardly means
    unusual : those of its remarks that can be why nothing fits
    untrained : those of its remarks that whoever trains nothing has to know
    environment : "module:class" of its environment, where it has a name of its own
    """

    name: str
    env_id: str
    default_scenario: Any
    scenario: type[BaseScenario]
    plan: type[Any]
    rules: Callable[[Any], Rules]
    evaluate: Callable[..., Any]
    learner: str
    planner: str
    stacked: str | None = None
    emulator: Callable[[Any, Any, int], Any] | None = None
    designs: Mapping[str, tuple[str, str]]
    entrants: Mapping[str, tuple[str, str]]
    can_plan: Callable[[Any, str], bool] = lambda scenario, name: True
    reference: str
    bounds_episodes: bool = True
    policies: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    labels: Callable[[Any], Mapping[str, str]] = lambda scenario: {}
    describe: Callable[[Any], dict[str, Any]]
    remarks: Callable[[Any], list[str]] = lambda scenario: []
    unusual: Callable[[Any], list[str]] = lambda scenario: []
    untrained: Callable[[Any], list[str]] = lambda scenario: []
    environment: str = "edgegym.envs.env:EdgeEnv"

    def __reduce__(self) -> tuple[Any, ...]:
        # Its functions need no pickling: another process finds it by name.
        return find_system, (self.name,)

    @property
    def best_scheme(self) -> str:
        """What is planned where no scheme is named: the first that is planned exactly."""
        return next(scheme for scheme, method in self.designs.values() if method == "exact")

    def designs_of(self, scenario: Any) -> dict[str, tuple[str, str]]:
        """Give the rows of `compare` that can be planned in a scenario."""
        return self._possible(self.designs, scenario)

    def entrants_of(self, scenario: Any) -> dict[str, tuple[str, str]]:
        """Give the rows of `evaluate` that can be planned in a scenario."""
        return self._possible(self.entrants, scenario)

    def _possible(
        self, rows: Mapping[str, tuple[str, str]], scenario: Any
    ) -> dict[str, tuple[str, str]]:
        return {
            name: how
            for name, how in rows.items()
            if all(self.can_plan(scenario, part) for part in how)
        }


#: All systems by name; `register` adds one.
SYSTEMS: dict[str, System] = {}


def find_system(name: str) -> System:
    """Look up a system by name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in SYSTEMS:
        raise unknown_name("system", name, SYSTEMS)
    return SYSTEMS[name]


def system_of(scenario: Any) -> System:
    """Find the system that a scenario, or a plan, is of."""
    for system in SYSTEMS.values():
        if isinstance(scenario, system.scenario | system.plan):
            return system
    raise unknown_name("kind of scenario", type(scenario).__name__, [*SYSTEMS])


def imported(where: str) -> Any:
    """Import what "module:name" names.

    Examples
    --------
    >>> imported("math:floor")(2.5)
    2
    """
    module, name = where.split(":")
    return getattr(import_module(module), name)
