"""Snapshots: the whole state of an environment between two steps."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from edgegym.errors import InputError
from edgegym.systems.two_stage.scenario import Scenario

if TYPE_CHECKING:
    from edgegym.envs.two_stage import TwoStageEdgeEnv

#: What `reset` and `step` change, beside the learner.
STATE = (
    "_np_random",
    "_np_random_seed",
    "episode_seed",
    "ledger",
    "end_code",
    "gains",
    "loss",
    "standing",
    "history",
    "_validation",
    "_first_validation",
    "_rounds_unseen",
)


@dataclass(frozen=True)
class Snapshot:
    """A copy of an environment's state, and what it is of; restoring leaves it as it is."""

    scenario: Scenario
    fidelity: str
    state: dict[str, Any]
    learner: Any  # the learner's own state, None where nothing is trained


def take_snapshot(env: "TwoStageEdgeEnv") -> Snapshot:
    """Copy all that an episode changes, network weights included.

    Raises
    ------
    gymnasium.error.ResetNeeded
        Before the first reset.
    """
    if not hasattr(env, "episode_seed"):
        raise gym.error.ResetNeeded("There is no episode yet; call reset() before snapshot().")
    state = _copied({name: getattr(env, name) for name in STATE}, env.scenario)
    learner = None if env.learner is None else env.learner.state()
    return Snapshot(env.scenario, env.fidelity, state, learner)


def restore_snapshot(env: "TwoStageEdgeEnv", snapshot: Snapshot) -> None:
    """Put an environment back to where a snapshot was taken, of it or of its like.

    Raises
    ------
    InputError
        If the snapshot is of another scenario or fidelity; nothing has changed then.
    """
    if snapshot.fidelity != env.fidelity:
        raise InputError(
            f"snapshot must be of fidelity {env.fidelity!r}; got one of {snapshot.fidelity!r}. "
            "Restore it where it was taken."
        )
    if snapshot.scenario is not env.scenario and snapshot.scenario != env.scenario:
        raise InputError(
            f"snapshot must be of the scenario {env.scenario.name!r} as it is here; got one of "
            f"{snapshot.scenario.name!r} with other values. Restore it where it was taken."
        )
    for name, value in _copied(snapshot.state, snapshot.scenario).items():
        setattr(env, name, value)
    env.learner = env.learner or env._make_learner()
    if env.learner is not None:
        env.learner.load_state(snapshot.learner)


def _copied(state: dict[str, Any], scenario: Scenario) -> dict[str, Any]:
    """Copy a state but for the scenario, which nothing changes."""
    return copy.deepcopy(state, {id(scenario): scenario})
