"""A replay buffer for a Lagrangian: old steps at the prices of today."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import NStepReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from agents.lagrangian import Lagrangian


class RepricedReplayBuffer(NStepReplayBuffer):
    """Keep rewards without prices beside what is priced, and replay at today's prices.

    SB3 makes it of `replay_buffer_class=RepricedReplayBuffer` and `replay_buffer_kwargs`, in which
    `gamma` and `n_steps` have to be the algorithm's, as it does not hand them on to a buffer of
    one's own.

    Parameters
    ----------
    arguments : of SB3's buffer
    lagrangian : around the copies that the algorithm learns from
    gamma : the algorithm's
    n_steps : the algorithm's; 1 is an ordinary replay buffer
    more : of SB3's buffer
    """

    def __init__(
        self, *arguments: Any, lagrangian: Lagrangian, gamma: float, n_steps: int = 1, **more: Any
    ) -> None:
        super().__init__(*arguments, n_steps=n_steps, gamma=gamma, **more)
        self._lagrangian, self._prices = lagrangian, lagrangian.multipliers
        self._unpriced = np.zeros_like(self.rewards)
        self._costs = np.zeros((*self.rewards.shape, len(lagrangian.names)), np.float32)

    def add(
        self,
        obs: NDArray[Any],
        next_obs: NDArray[Any],
        action: NDArray[Any],
        reward: NDArray[Any],
        done: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        """Keep the last step of every copy."""
        self._unpriced[self.pos] = self._lagrangian.unpriced
        self._costs[self.pos] = self._lagrangian.costs
        super().add(obs, next_obs, action, reward, done, infos)

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> ReplayBufferSamples:
        """Draw steps, all at the same prices."""
        if self._prices is not self._lagrangian.multipliers:
            self._prices, n = self._lagrangian.multipliers, self.size()
            self.rewards[:n] = self._unpriced[:n] - self._costs[:n] @ self._prices
        return super().sample(batch_size, env)
