"""The shipped scenarios of a system, by loading them."""

from edgegym import load_scenario
from edgegym.scenario.document import shipped_scenarios
from edgegym.systems.system import system_of


def shipped_of(system: str) -> list[str]:
    """List the names of a system's shipped scenarios, its default first."""
    return [name for name in shipped_scenarios() if system_of(load_scenario(name)).name == system]
