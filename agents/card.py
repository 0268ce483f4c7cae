"""What stands beside agents in plain JSON: a card each, and the command that trains them."""

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, ConfigDict

CARD, TRAINING = "agent.json", "training.json"
PACKAGES = ("edgegym", "gymnasium", "stable-baselines3", "torch", "numpy")


class Shipped(BaseModel):
    """How to get the like of an agent that comes with the package, and how alike it will be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str  # trains it, and others on other seeds
    metric: str
    reached: list[float]  # by the agents of all seeds, without exploring; this one is the best


class AgentCard(BaseModel):
    """What an agent was trained on and how, enough to go on training it or to play it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algo: str
    system: str = "two-stage"
    scenario: dict[str, Any]
    fidelity: str
    budgets: str
    reward: str | None
    rounds_per_step: int
    emulator: str | None
    seed: int
    total_steps: int
    hyperparameters: dict[str, Any]
    steps_done: int = 0
    n_devices: tuple[int, int] | None = None  # fewest and most, of a policy that they share
    cpu_s: float = 0.0  # of the process that trained it, up to here
    shipped: Shipped | None = None
    versions: dict[str, str] = {package: version(package) for package in PACKAGES}

    @property
    def env_arguments(self) -> dict[str, Any]:
        """What the environment is made with."""
        keys = {"system", "scenario", "fidelity", "budgets", "reward"} | {
            "rounds_per_step",
            "emulator",
        }
        return self.model_dump(include=keys)


class Training(BaseModel):
    """What a run folder trains: the command, and a card for each agent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str]
    cards: dict[str, AgentCard]  # by the agent's folder
