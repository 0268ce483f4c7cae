"""The board: on what everyone is measured, and who takes part."""

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from edgegym.runs.files import read_model, write_whole
from edgegym.runs.imports import IMPORTED, import_modules
from edgegym.runs.manifest import AgentFile, require_new
from edgegym.systems.load import load_scenario
from edgegym.systems.system import SYSTEMS, find_system, system_of

FILE_NAME = "board.json"
#: How every system's default scenario is played: by its costs alone, then with real training.
FIDELITIES = ("bound", "train")
#: What else of the two-stage system is played: the paper's own, many devices, and fading.
FURTHER = (("mnist", "bound"), ("digits-100", "bound"), ("digits-per-round", "train"))


class Task(BaseModel):
    """What everyone is measured on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    scenario: str | None = None  # a shipped one; None is the system's default
    fidelity: str

    def load(self) -> Any:
        """Load its scenario."""
        system = find_system(self.system)
        return load_scenario(self.scenario or system.default_scenario, system)


class Board(BaseModel):
    """Who is measured beside the planners on what: the first file of its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str]
    tasks: list[Task]
    seeds: list[int]
    agents: dict[str, AgentFile]
    imports: list[str] = []


def tasks() -> list[Task]:
    """List what the board is of: all systems that are registered, and three scenarios more.

    Examples
    --------
    >>> [(task.system, task.fidelity) for task in tasks()][:2]
    [('two-stage', 'bound'), ('two-stage', 'train')]
    """
    defaults = [Task(system=name, fidelity=how) for name in SYSTEMS for how in FIDELITIES]
    return defaults + [
        Task(system="two-stage", scenario=scenario, fidelity=how) for scenario, how in FURTHER
    ]


def begin(run_dir: Path, seeds: list[int], agents: dict[str, AgentFile]) -> Board:
    """Begin a board's folder, which must be new."""
    board = Board(command=sys.argv, tasks=tasks(), seeds=seeds, agents=agents, imports=[*IMPORTED])
    require_new(run_dir, FILE_NAME)
    write_whole(run_dir / FILE_NAME, board.model_dump_json(indent=2))
    return board


def load_board(run_dir: Path) -> Board:
    """Read what a board's folder was begun with, and import its modules.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged.
    """
    board = read_model(Board, run_dir / FILE_NAME)
    import_modules(board.imports)
    return board


def optimum(scenario: Any, fidelity: str) -> float | None:
    """Give what nobody can be below, where nothing is trained and the planner proves it.

    Examples
    --------
    >>> round(optimum(load_scenario("mnist"), "bound"), 4)
    0.3047
    >>> optimum(load_scenario("mnist"), "train")
    """
    import baselines
    from edgegym.scenario.channel import mean_channel

    stands_still = mean_channel(scenario) is scenario
    if not (fidelity == "bound" and stands_still and system_of(scenario).bounds_episodes):
        return None
    return float(baselines.plan(scenario).lower_bound)
