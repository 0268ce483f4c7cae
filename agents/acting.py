"""A model of Stable-Baselines3 as a policy: a function of observation and info."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray


def act_as(
    model: Any, normalise: Callable[[Any], Any], env: gym.Env[Any, Any]
) -> Callable[[NDArray[Any], dict[str, Any]], NDArray[Any]]:
    """Let a model decide without exploring; what it remembers lasts for an episode.

    Parameters
    ----------
    model : of any algorithm, recurrent ones and those that ask for `action_masks` among them
    normalise : what its observations go through
    env : what it plays
    """
    asks = "action_masks" in signature(model.predict).parameters
    masked = asks and env.has_wrapper_attr("action_masks")
    masks = env.get_wrapper_attr("action_masks") if masked else None
    remembered: Any = None

    def act(observation: NDArray[Any], info: dict[str, Any]) -> NDArray[Any]:
        nonlocal remembered
        begins = info["stage"] == 0 and info["round"] == 0
        more = {"action_masks": masks()} if masks else {}
        action, remembered = model.predict(
            normalise(observation),
            state=None if begins else remembered,
            episode_start=np.array([begins]),
            deterministic=True,
            **more,
        )
        return action

    return act
