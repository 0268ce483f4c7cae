"""From an agent's files to a policy, and what is refused on the way."""

import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium as gym
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecNormalize

from agents.acting import act_as
from agents.card import AgentCard
from agents.hyperparameters import find_algorithm
from agents.saving import STATISTICS, find_file, find_statistics, read_card, runs_code
from agents.shared.policy import act_shared
from agents.weights import as_it_is, load_normaliser, load_weights
from edgegym.envs.env import EdgeEnv
from edgegym.errors import InputError
from edgegym.runs.play import bare

#: What loaders raise when a file is damaged.
DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError),
    *(AssertionError, ImportError, zipfile.BadZipFile, pickle.UnpicklingError),
)


class AgentRunsCode(UserWarning):
    """Loading an SB3 archive can run code that someone put into it."""


def load_policy(
    path: Path, env: gym.Env[Any, Any], algo: str | None = None
) -> Callable[[NDArray[Any], dict[str, Any]], NDArray[Any]]:
    """Load an agent as a deterministic policy.

    Weights run no code. An archive without them can when it is loaded, and an `AgentRunsCode`
    warning says so: load archives of people you trust. Plans and scenarios are plain text.

    Parameters
    ----------
    path : the agent, or its folder
    env : what it will play, at the card's `rounds_per_step`, in the wrappers that it was trained in
    algo : of an archive without a card; observations are then normalised if a vecnormalize.pkl
        lies beside it, or in the folder of its name as RL Zoo has it

    Returns
    -------
    A function of the last observation and info that gives the next action

    Raises
    ------
    InputError
        If the agent is missing, damaged, or made for another system, number of devices or
        environment.
    """
    played = find_file(path)
    card = read_card(path) if algo is None else None
    if card is not None:
        _require_same_system(card, bare(env), path)
    player: BasePolicy | BaseAlgorithm
    if card is not None and not runs_code(path):
        player, normalise = load_weights(played, card), load_normaliser(played)
    else:
        warnings.warn(
            f"Loading {str(played)!r} can run code stored in it; load only agents you trust.",
            AgentRunsCode,
            stacklevel=2,
        )
        statistics = find_statistics(played)
        if card is not None:
            normalises = bool(card.hyperparameters.get("normalize"))
            statistics = played.with_name(STATISTICS) if normalises else None
        player = load_archive(algo if card is None else card.algo, played)
        normalise = _normaliser(statistics) if statistics else as_it_is
    if card is not None and card.n_devices:
        return act_shared(player, env, path)
    _require_same_spaces(player, env, path)
    return act_as(player, normalise, env)


def _require_same_system(card: AgentCard, env: EdgeEnv, path: Path) -> None:
    """Refuse an agent of another system, or of one with another number of devices."""
    if card.system != env.system.name:
        raise InputError(
            f"agent {str(path)!r} must be made for system {env.system.name!r}; got one for "
            f"{card.system!r}. Train one for this system."
        )
    n_devices, needed = len(card.scenario["uplink_gain"]), env.scenario.uplink_gain.size
    if n_devices != needed and card.n_devices is None:
        raise InputError(
            f"agent {str(path)!r} must be made for the {needed} devices of scenario "
            f"{env.scenario.name!r}; got one for {n_devices}. Train one for this scenario, or one "
            "for any number of devices with --devices."
        )


def _require_same_spaces(
    player: BasePolicy | BaseAlgorithm, env: gym.Env[Any, Any], path: Path
) -> None:
    """Refuse an agent that sees or decides something else than this environment has.

    The bounds of observations are not looked at, which no policy of a box depends on.
    """
    observed, acted, inner = player.observation_space, player.action_space, bare(env)
    boxes = all(isinstance(one, gym.spaces.Box) for one in (observed, env.observation_space))
    sees = observed.shape == env.observation_space.shape and (
        boxes or observed == env.observation_space
    )
    for what, got, needed, fits in (
        ("observations", observed, env.observation_space, sees),
        ("actions", acted, env.action_space, acted == env.action_space),
    ):
        if not fits:
            raise InputError(
                f"agent {str(path)!r} must have {what} of {_in_words(needed)}, as in scenario "
                f"{inner.scenario.name!r}; got {_in_words(got)}. Train one in "
                f"{inner.system.env_id} with this number of devices, or name the wrappers that it "
                "was trained in with --wrapper."
            )


def _in_words(space: gym.Space[Any]) -> str:
    if isinstance(space, gym.spaces.Box):
        return f"{space.shape} numbers from {space.low.min():g} to {space.high.max():g}"
    return " ".join(str(space).split())


def load_archive(algo: str | None, archive: Path, env: Any = None) -> Any:
    """Load an SB3 archive on the CPU, where small policies are fastest.

    Raises
    ------
    InputError
        If it is damaged; the file is left as it was.
    """
    with _naming(archive, f"whole and of algorithm {algo}"), warnings.catch_warnings():
        # SB3 takes the buffer of several steps that it chose itself for one of the user's own.
        warnings.filterwarnings("ignore", message=r"`n_steps=\d+` is ignored")
        return find_algorithm(str(algo)).load(archive, env=env, device="cpu")


@contextmanager
def _naming(file: Path, rule: str) -> Iterator[None]:
    """Turn whatever a damaged file makes a loader raise into one sentence that names it."""
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(
            f"agent file {str(file)!r} must be {rule}; got {type(error).__name__}: {error}. "
            "Train the agent again, take an earlier checkpoint, or name its own algorithm."
        ) from None


def _normaliser(file: Path) -> Callable[[Any], Any]:
    with _naming(file, "whole"):
        statistics = pickle.loads(file.read_bytes())
        if not isinstance(statistics, VecNormalize):
            raise TypeError(f"{type(statistics).__name__} in the place of VecNormalize")
    return statistics.normalize_obs
