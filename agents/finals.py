"""What agents that no longer explore end with."""

import math
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from agents.card import AgentCard
from agents.loading import load_policy
from edgegym.envs.env import EdgeEnv
from edgegym.results.measures import metric_of
from edgegym.runs.play import Episode, play
from edgegym.systems.system import find_system

#: Episodes that a mean is taken over, of seeds that no agent trains on.
EPISODES = 10


def metric_for(card: AgentCard) -> str:
    """Name the figure that an agent's episodes are judged by, where it was trained."""
    return metric_of(
        "curve" if card.fidelity == "train" else card.fidelity, find_system(card.system)
    ).loss


def play_finals(folder: Path, card: AgentCard) -> float:
    """Let an agent play where it was trained, without exploring, and average what it ends with."""
    env = EdgeEnv(**card.env_arguments)
    policy = load_policy(folder, env)
    return mean_final([play(env, policy, seed) for seed in range(EPISODES)], metric_for(card))


def mean_final(episodes: Iterable[Episode], metric: str) -> float:
    """Average what episodes ended with; not a number where one of them has no such figure."""
    finals = (episode.final[metric] for episode in episodes)
    return fmean(math.nan if final is None else final for final in finals)
