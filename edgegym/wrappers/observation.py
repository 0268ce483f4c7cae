"""A view of the observation: its entries by name."""

import re
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray


class NamedObservation(gym.ObservationWrapper, RecordConstructorArgs):
    """Show the observation as a dict of arrays, one level deep, as `MultiInputPolicy` takes it.

    The names are those of the environment's observation table; an entry that every device has
    is one array of shape (K,), all others have shape (1,).

    Examples
    --------
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound")
    >>> observation, info = NamedObservation(env).reset(seed=0)
    >>> observation["delay_left_share"], observation["uplink_gain_log"].shape
    (array([1.], dtype=float32), (3,))
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.ObservationWrapper.__init__(self, env)
        box = self.env.observation_space
        assert isinstance(box, Box)
        indices: dict[str, list[int]] = {}
        for index, name in enumerate(self.get_wrapper_attr("observation_codec").names):
            indices.setdefault(re.sub(r"_\d+$", "", name), []).append(index)
        self._indices = {name: np.array(index) for name, index in indices.items()}
        self.observation_space = Dict(
            {name: Box(box.low[i], box.high[i]) for name, i in self._indices.items()}
        )

    def observation(self, observation: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Name the entries of an observation."""
        return {name: observation[index] for name, index in self._indices.items()}
