"""Soft budgets with prices that learn: a Lagrangian in the reward, for any SB3 algorithm."""

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, unwrap_vec_wrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from edgegym.errors import InputError

#: Episodes over which mean costs and the violation rate are taken, as many as SB3 takes.
WINDOW = 100
#: Costs that a step adds; of limits of a system's own `info` says how far they are exceeded by now.
ADDED = ("delay", "energy")


class Lagrangian(VecEnvWrapper):
    """Take a price for each cost off the reward, and learn the prices.

    Meant for `budgets="soft"`. Every cost, of delay, energy and a system's own limits such as
    power, has a multiplier λ, shared by all copies and moved by dual ascent. An episode of cost c,
    the relative excess of a limit, pays λ s(c), step by step, and where it ends it makes the
    multiplier

        λ ← max(0, (1 - fall [c <= limit]) λ + learning_rate (s(c) - s(limit))),

    where s(c) = c / (1 + c) is the share of all that was taken which lies beyond the limit: c
    where limits are nearly kept, and never more than 1, or an untrained agent, which exceeds a
    limit a hundredfold, learns that nothing is as good as not to begin.

    A cost is never negative, so at a limit of 0 dual ascent alone would never let λ fall again; an
    episode that keeps the limit takes the share `fall` off it. Prices then settle where the mean
    cost is about fall λ / learning_rate. Episodes that end together count each.

    PPO learns from new steps alone. For SAC and TD3 give `RepricedReplayBuffer`, or they learn from
    old steps at the prices of their time. Put `VecMonitor` inside, to see returns without prices,
    and `VecNormalize` outside; give `LagrangianLog` to `learn`, or nobody sees whether limits are
    kept.

    Parameters
    ----------
    venv : copies whose `info` holds `cost_delay`, `cost_energy` and so on at every step
    cost_limit : mean of each cost of an episode that is allowed, relative excess of the limit
    learning_rate : rise of a multiplier for an episode that takes all of it beyond the limit
    multiplier : where all start, reward taken off where all is taken beyond the limit; an agent
        that starts at nothing learns to overspend first
    fall : share of a multiplier that an episode within the limit takes off it

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
    >>> envs.names, envs.multipliers.round(2), envs.violation_rate
    (('delay', 'energy', 'power'), array([0.17, 0.2 , 0.  ]), 1.0)
    """

    def __init__(
        self,
        venv: VecEnv,
        *,
        cost_limit: float = 0.0,
        learning_rate: float = 0.01,
        multiplier: float = 0.0,
        fall: float = 0.0005,
    ) -> None:
        super().__init__(venv)
        given = {"cost_limit": cost_limit, "learning_rate": learning_rate}
        for name, value in (given | {"multiplier": multiplier, "fall": fall}).items():
            if not 0 <= value < math.inf:
                raise InputError(f"{name} must be at least 0 and finite; got {value}. Correct it.")
        self.cost_limit, self.learning_rate, self.fall = cost_limit, learning_rate, fall
        limits = venv.get_attr("rules", [0])[0].limits
        self.names: tuple[str, ...] = (*ADDED, *limits)
        self.multipliers = np.full(len(self.names), multiplier)  # a new array at every change
        self.episode_costs: deque[NDArray[np.float64]] = deque(maxlen=WINDOW)
        #: Of the last step, (C,) and (C, n): rewards without prices, and what is priced of it.
        self.unpriced = np.zeros(self.num_envs)
        self.costs = np.zeros((self.num_envs, len(self.names)))
        self._running, self._exceeded = np.zeros_like(self.costs), np.zeros_like(self.costs)

    @property
    def mean_episode_cost(self) -> NDArray[np.float64]:
        """Mean costs of the last episodes, (n,); not numbers before the first has ended."""
        if not self.episode_costs:
            return np.full(len(self.names), np.nan)
        return np.asarray(np.mean(self.episode_costs, axis=0))

    @property
    def violation_rate(self) -> float:
        """Share of the last episodes of which some cost exceeds the limit."""
        if not self.episode_costs:
            return math.nan
        return float(np.mean((np.array(self.episode_costs) > self.cost_limit).any(axis=1)))

    def reset(self) -> VecEnvObs:
        """Begin an episode in every copy; costs of those left open are forgotten."""
        self._running[:] = self._exceeded[:] = 0
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Take the prices off the rewards, then move the multipliers by what has ended."""
        observations, rewards, dones, infos = self.venv.step_wait()
        before = _share(self._running)
        self._running += self._added(infos)
        self.unpriced, self.costs = rewards, _share(self._running) - before
        priced = (rewards - self.costs @ self.multipliers).astype(np.float32)
        if dones.any():
            self._ascend(self._running[dones])
            self._running[dones] = self._exceeded[dones] = 0
        return observations, priced, dones, infos

    def _added(self, infos: list[dict[str, Any]]) -> NDArray[np.float64]:
        """Give the costs that a step has added, (C, n)."""
        told = np.array([[info[f"cost_{name}"] for name in self.names] for info in infos])
        n_added = len(ADDED)
        rises = np.maximum(told - self._exceeded, 0.0)
        self._exceeded = told
        return np.concatenate([told[:, :n_added], rises[:, n_added:]], axis=1)

    def _ascend(self, costs: NDArray[np.float64]) -> None:
        self.episode_costs.extend(costs)
        within = np.count_nonzero(costs <= self.cost_limit, axis=0)
        fallen = self.multipliers * (1 - self.fall) ** within
        excess = np.sum(_share(costs) - _share(self.cost_limit), axis=0)
        self.multipliers = np.maximum(0.0, fallen + self.learning_rate * excess)


def _share(cost: Any) -> Any:
    """Give the share of what was taken that lies beyond a limit, by its relative excess."""
    return cost / (1 + cost)


class LagrangianLog(BaseCallback):
    """Write a Lagrangian's multipliers, mean costs and violation rate to SB3's logger.

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
        ours = self._lagrangian
        for name, multiplier in zip(ours.names, ours.multipliers, strict=True):
            self.logger.record(f"lagrangian/multiplier_{name}", multiplier)
        if ours.episode_costs:
            for name, cost in zip(ours.names, ours.mean_episode_cost, strict=True):
                self.logger.record(f"lagrangian/mean_cost_{name}", cost)
            self.logger.record("lagrangian/violation_rate", ours.violation_rate)
        return True
