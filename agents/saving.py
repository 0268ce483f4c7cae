"""Agents on disk: weights to play by, a card in plain JSON, and SB3's archive to go on training."""

import hashlib
import tempfile
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from agents.card import CARD, AgentCard
from agents.weights import WEIGHTS, save_weights
from edgegym.errors import InputError, unknown_name
from edgegym.runs.files import read_model, write_whole
from edgegym.runs.own import SHIPPED_PREFIX, is_shipped

ARCHIVE, STATISTICS, REPLAY = "agent.zip", "vecnormalize.pkl", "replay.pkl"
#: Where the agents lie that come with the package.
SHIPPED = Path(__file__).with_name("shipped")


def save_agent(model: BaseAlgorithm, card: AgentCard, folder: Path) -> None:
    """Write an agent's files into a folder, which appears whole, in the place of an older one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary:
        incoming = Path(temporary) / folder.name
        incoming.mkdir()
        save_weights(model, incoming / WEIGHTS)
        model.save(incoming / ARCHIVE)
        if isinstance(statistics := model.get_env(), VecNormalize):
            statistics.save(str(incoming / STATISTICS))
        if hasattr(model, "save_replay_buffer"):
            model.save_replay_buffer(incoming / REPLAY)
        write_whole(incoming / CARD, card.model_dump_json(indent=2))
        if folder.exists():
            folder.replace(Path(temporary) / "older")
        incoming.replace(folder)


def shipped_agents() -> list[str]:
    """Name the agents that come with the package.

    Examples
    --------
    >>> "ppo-mnist" in shipped_agents()
    True
    """
    return sorted(card.parent.name for card in SHIPPED.glob(f"*/{CARD}"))


def find_file(path: Path) -> Path:
    """Find what an agent is played by: its weights, or without them its archive.

    Parameters
    ----------
    path : file or folder, or `shipped:` and the name of an agent that comes with the package

    Raises
    ------
    InputError
        If there is none.
    """
    if is_shipped(str(path)):
        name, known = str(path).removeprefix(SHIPPED_PREFIX), shipped_agents()
        if name not in known:
            raise unknown_name("shipped agent", name, known)
        return SHIPPED / name / WEIGHTS
    archive = path / ARCHIVE if path.is_dir() else path
    weights = archive.with_name(WEIGHTS)
    if weights.is_file() and (path.is_dir() or archive.name in (ARCHIVE, WEIGHTS)):
        return weights
    if not archive.is_file():
        raise InputError(
            f"agent must be a {WEIGHTS} or {ARCHIVE} that `edgegym train` wrote, its folder, "
            f"{SHIPPED_PREFIX} and the name of one that comes with edgegym, or an archive of "
            f"Stable-Baselines3; got {str(path)!r}. Check the path."
        )
    return archive


def runs_code(path: Path) -> bool:
    """Say whether loading an agent can run code: an archive can, weights cannot."""
    return find_file(path).name != WEIGHTS


def has_card(path: Path) -> bool:
    """Say whether an agent's card lies beside it, as after `edgegym train`."""
    return find_file(path).with_name(CARD).exists()


def read_card(path: Path) -> AgentCard:
    """Read what an agent was trained on; plain JSON, which runs no code.

    Raises
    ------
    InputError
        If there is no agent, or its card is missing or damaged.
    """
    if not has_card(path):
        raise InputError(
            f"agent {str(path)!r} must have its card beside it, the {CARD} in which `edgegym "
            "train` says algorithm, scenario and rounds a step; got none. For an archive of "
            "Stable-Baselines3 say them yourself: --algo ppo --rounds-per-step 100, for example."
        )
    return read_model(AgentCard, find_file(path).with_name(CARD))


def find_statistics(archive: Path) -> Path | None:
    """Find what normalises an agent's observations, where we or RL Zoo put it."""
    places = archive.with_name(STATISTICS), archive.with_suffix("") / STATISTICS
    return next(filter(Path.is_file, places), None)


def agent_digest(path: Path) -> str:
    """Name an agent by what is in its files.

    Raises
    ------
    InputError
        If there is no agent.
    """
    played = find_file(path)
    statistics = find_statistics(played) if runs_code(path) else None
    digest = hashlib.sha256(played.read_bytes())
    for beside in (statistics, played.with_name(CARD)):
        if beside is not None and beside.is_file():
            digest.update(beside.read_bytes())
    return digest.hexdigest()[:12]
