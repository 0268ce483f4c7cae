"""Agents on disk: the SB3 archive, its normalisation statistics and a card in plain JSON."""

import hashlib
import pickle
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from agents.card import CARD, AgentCard
from agents.hyperparameters import find_algorithm
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.errors import InputError
from edgegym.evaluation.files import read_model, write_whole

ARCHIVE, STATISTICS, REPLAY = "agent.zip", "vecnormalize.pkl", "replay.pkl"
#: What loaders raise when a file is damaged.
DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError),
    *(AssertionError, ImportError, zipfile.BadZipFile, pickle.UnpicklingError),
)


class AgentRunsCode(UserWarning):
    """Loading an SB3 archive can run code that someone put into it."""


def save_agent(model: BaseAlgorithm, card: AgentCard, folder: Path) -> None:
    """Write an agent's files into a new folder, which appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        incoming = Path(temporary) / folder.name
        incoming.mkdir()
        model.save(incoming / ARCHIVE)
        if isinstance(statistics := model.get_env(), VecNormalize):
            statistics.save(str(incoming / STATISTICS))
        if hasattr(model, "save_replay_buffer"):
            model.save_replay_buffer(incoming / REPLAY)
        write_whole(incoming / CARD, card.model_dump_json(indent=2))
        incoming.replace(folder)


def find_archive(path: Path) -> Path:
    """Find an agent's archive: the file itself, or that in its folder.

    Raises
    ------
    InputError
        If there is none.
    """
    archive = path / ARCHIVE if path.is_dir() else path
    if not archive.is_file():
        raise InputError(
            f"agent must be an {ARCHIVE} that `edgegym train` wrote, or its folder; got "
            f"{str(path)!r}. Check the path."
        )
    return archive


def read_card(path: Path) -> AgentCard:
    """Read what an agent was trained on; plain JSON, which runs no code.

    Raises
    ------
    InputError
        If there is no agent, or its card is missing or damaged.
    """
    return read_model(AgentCard, find_archive(path).with_name(CARD))


def agent_digest(path: Path) -> str:
    """Name an agent by what is in its files.

    Raises
    ------
    InputError
        If there is no agent.
    """
    archive = find_archive(path)
    digest = hashlib.sha256(archive.read_bytes())
    for name in (STATISTICS, CARD):
        if (beside := archive.with_name(name)).is_file():
            digest.update(beside.read_bytes())
    return digest.hexdigest()[:12]


def load_policy(
    path: Path, env: TwoStageEdgeEnv
) -> Callable[[NDArray[Any], dict[str, Any]], NDArray[Any]]:
    """Load an agent as a deterministic policy.

    The archive can run code when it is loaded, and an `AgentRunsCode` warning says so: load agents
    of people you trust. Plans and scenarios are plain text and never run code.

    Parameters
    ----------
    path : the archive, or its folder
    env : what it will play, at the card's `rounds_per_step`

    Returns
    -------
    A function of the last observation and info that gives the next action

    Raises
    ------
    InputError
        If the agent is missing, damaged, or made for another number of devices.
    """
    archive, card = find_archive(path), read_card(path)
    n_devices = len(card.scenario["uplink_gain"])
    if n_devices != env.scenario.n_devices:
        raise InputError(
            f"agent {str(path)!r} must be made for the {env.scenario.n_devices} devices of "
            f"scenario {env.scenario.name!r}; got one for {n_devices}. Train one for this scenario."
        )
    warnings.warn(
        f"Loading {str(archive)!r} can run code stored in it; load only agents you trust.",
        AgentRunsCode,
        stacklevel=2,
    )
    model = load_archive(card.algo, archive)
    normalise = _normaliser(card, archive.with_name(STATISTICS))

    def act(observation: NDArray[Any], info: dict[str, Any]) -> NDArray[Any]:
        return model.predict(normalise(observation), deterministic=True)[0]

    return act


def load_archive(algo: str, archive: Path, env: Any = None) -> Any:
    """Load an SB3 archive on the CPU, where small policies are fastest.

    Raises
    ------
    InputError
        If it is damaged; the file is left as it was.
    """
    with _naming(archive):
        return find_algorithm(algo).load(archive, env=env, device="cpu")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes a loader raise into one sentence that names it."""
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(
            f"agent file {str(file)!r} must be whole; got {type(error).__name__}: {error}. "
            "Train the agent again, or take an earlier checkpoint."
        ) from None


def _normaliser(card: AgentCard, file: Path) -> Callable[[NDArray[Any]], NDArray[Any]]:
    if not card.hyperparameters.get("normalize"):
        return lambda observation: observation
    with _naming(file):
        statistics = pickle.loads(file.read_bytes())
        if not isinstance(statistics, VecNormalize):
            raise TypeError(f"{type(statistics).__name__} in the place of VecNormalize")
    return lambda observation: np.asarray(statistics.normalize_obs(observation))
