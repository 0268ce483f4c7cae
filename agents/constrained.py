"""Agents that keep limits: by budgets that end an episode, or by prices on what exceeds them."""

from collections.abc import Mapping
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.acting import act_as
from agents.card import AgentCard
from agents.finals import metric_for
from agents.lagrangian import Lagrangian
from agents.repriced import RepricedReplayBuffer
from agents.training import make_envs, new_model
from agents.weights import as_it_is
from edgegym.envs.env import EdgeEnv
from edgegym.runs.play import play


def train_and_play(card: AgentCard, prices: Mapping[str, float], n_episodes: int) -> dict[str, Any]:
    """Train an agent, with prices where its budgets are soft, and let it play without exploring.

    Parameters
    ----------
    card : what to train
    prices : of `Lagrangian`, its limit, rates and where it starts
    n_episodes : to be played

    Returns
    -------
    Means over the episodes: the figure that they are judged by, what they exceed of each limit, and
    the share of them that exceed some; and the multipliers and the share at the end of training
    """
    torch.set_num_threads(1)
    model, lagrangian = _model(card, prices)
    model.learn(card.total_steps)
    normalised = model.get_vec_normalize_env()
    env = EdgeEnv(**card.env_arguments)
    policy = act_as(model, normalised.normalize_obs if normalised else as_it_is, env)
    metric, played = metric_for(card), []
    names = ("delay", "energy", *env.rules.limits)
    for seed in range(n_episodes):
        episode = play(env, policy, seed)
        excess = dict(zip(names, env.state.excess.tolist(), strict=True))
        played.append({metric: episode.final[metric], "violates": any(excess.values()), **excess})
    means: dict[str, Any] = {
        key: sum(one[key] for one in played) / len(played) for key in played[0]
    }
    if lagrangian is not None:
        means["violates_exploring"] = lagrangian.violation_rate
        learned = zip(lagrangian.names, lagrangian.multipliers.tolist(), strict=True)
        means |= {f"price_{name}": price for name, price in learned}
    return means


def _model(card: AgentCard, prices: Mapping[str, float]) -> tuple[BaseAlgorithm, Lagrangian | None]:
    """Make the model, and what puts the prices on its rewards."""
    envs = make_envs(card)
    if card.budgets == "hard":
        return new_model(card, envs), None
    lagrangian = Lagrangian(envs, **prices)
    if "learning_starts" not in card.hyperparameters:  # nothing is replayed
        return new_model(card, lagrangian), lagrangian
    tuned = card.hyperparameters
    buffer = {
        "lagrangian": lagrangian,
        "gamma": tuned["gamma"],
        "n_steps": tuned.get("n_steps", 1),
    }
    model = new_model(
        card,
        lagrangian,
        n_steps=1,  # the buffer's own
        replay_buffer_class=RepricedReplayBuffer,
        replay_buffer_kwargs=buffer,
    )
    return model, lagrangian
