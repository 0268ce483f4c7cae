"""Soft budgets with a price that learns: a Lagrangian in the reward, for any SB3 algorithm."""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, unwrap_vec_wrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from edgegym.errors import InputError

#: Episodes over which the mean cost and the violation rate are taken, as many as SB3 takes.
WINDOW = 100


class Lagrangian(VecEnvWrapper):
    """Take a multiple of `info["cost"]` off the reward, and learn the multiple.

    Meant for `budgets="soft"`. One multiplier, shared by all copies, is moved by dual ascent: each
    episode that ends adds `learning_rate` times what its cost exceeds the limit by, so episodes
    that end together move it by their mean excess times their number. It never falls below zero.

    At a `cost_limit` of 0 it never falls at all, as no cost is negative: the agent becomes as
    careful as its exploration demands. A small limit lets it settle. Algorithms with a replay
    buffer learn from old steps at the multiplier of their time; a short buffer forgets them.

    Put `VecMonitor` inside, to see returns without the penalty, and `VecNormalize` outside; give
    `LagrangianLog` to `learn`, or nobody sees whether the limit is kept.

    Parameters
    ----------
    venv : copies whose `info` holds `cost` at every step
    cost_limit : mean cost of an episode that is allowed, relative excess of the limits
    learning_rate : rise of the multiplier for an episode one unit above the limit
    multiplier : where it starts, reward taken off per unit of cost

    Raises
    ------
    InputError
        If a number is negative or not finite.

    Examples
    --------
    >>> from agents.vec_env import NativeVecEnv
    >>> setting = {"scenario": "mnist", "fidelity": "bound", "rounds_per_step": 500}
    >>> envs = Lagrangian(NativeVecEnv(2, budgets="soft", **setting), learning_rate=0.1)
    >>> _ = envs.reset()
    >>> for _ in range(8):  # all rounds there are, at full batch, clock and power
    ...     _ = envs.step(np.tile([-1.0] + [1.0] * 11, (2, 1)))
    >>> round(envs.mean_episode_cost, 2), round(envs.multiplier, 3), envs.violation_rate
    (105.18, 21.037, 1.0)
    """

    def __init__(
        self,
        venv: VecEnv,
        *,
        cost_limit: float = 0.0,
        learning_rate: float = 0.01,
        multiplier: float = 0.0,
    ) -> None:
        super().__init__(venv)
        given = {"cost_limit": cost_limit, "learning_rate": learning_rate, "multiplier": multiplier}
        for name, value in given.items():
            if not 0 <= value < math.inf:
                raise InputError(f"{name} must be at least 0 and finite; got {value}. Correct it.")
        self.cost_limit, self.learning_rate = cost_limit, learning_rate
        self.multiplier = multiplier
        self.episode_costs: deque[float] = deque(maxlen=WINDOW)
        self._running_costs = np.zeros(self.num_envs)

    @property
    def mean_episode_cost(self) -> float:
        """Mean cost of the last episodes; not a number before the first has ended."""
        return float(np.mean(self.episode_costs)) if self.episode_costs else math.nan

    @property
    def violation_rate(self) -> float:
        """Share of the last episodes whose cost exceeds the limit."""
        if not self.episode_costs:
            return math.nan
        return float(np.mean(np.array(self.episode_costs) > self.cost_limit))

    def reset(self) -> VecEnvObs:
        """Begin an episode in every copy; costs of those left open are forgotten."""
        self._running_costs[:] = 0
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Take the penalty off the rewards, then move the multiplier by what has ended."""
        observations, rewards, dones, infos = self.venv.step_wait()
        costs = np.array([info["cost"] for info in infos])
        penalised = (rewards - self.multiplier * costs).astype(np.float32)
        self._running_costs += costs
        if dones.any():
            self._ascend(self._running_costs[dones])
            self._running_costs[dones] = 0
        return observations, penalised, dones, infos

    def _ascend(self, costs: NDArray[np.float64]) -> None:
        self.episode_costs.extend(costs.tolist())
        excess = float(np.sum(costs - self.cost_limit))
        self.multiplier = max(0.0, self.multiplier + self.learning_rate * excess)


class LagrangianLog(BaseCallback):
    """Write a Lagrangian's multiplier, mean episode cost and violation rate to SB3's logger.

    Raises
    ------
    InputError
        When training starts, if no `Lagrangian` is around the environments.
    """

    def _on_training_start(self) -> None:
        found = unwrap_vec_wrapper(self.training_env, Lagrangian)
        if found is None:
            raise InputError(
                "environments must be wrapped in Lagrangian for LagrangianLog; got none. "
                "Write Lagrangian(envs)."
            )
        self._lagrangian = found

    def _on_step(self) -> bool:
        # At every step, as PPO and SAC write their logs at different moments.
        self.logger.record("lagrangian/multiplier", self._lagrangian.multiplier)
        if self._lagrangian.episode_costs:
            self.logger.record("lagrangian/mean_episode_cost", self._lagrangian.mean_episode_cost)
            self.logger.record("lagrangian/violation_rate", self._lagrangian.violation_rate)
        return True
