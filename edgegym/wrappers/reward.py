"""Views of what a step is worth: its cost apart, several objectives, or a fixed penalty."""

import math
from numbers import Real
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from edgegym.errors import InputError
from edgegym.lifecycle.state import ENERGY


class SafetyStep(gym.Wrapper, RecordConstructorArgs):
    """Return six values from `step`, as Safety-Gymnasium does: the cost stands after the reward.

    The cost is `info["cost"]`, meant for `budgets="soft"`: what the step adds to the relative
    excess of the limits, at least 0, its sum over an episode 0 when all limits are kept. Put this
    wrapper outermost: Gymnasium's own expect five values.

    Examples
    --------
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", budgets="soft")
    >>> env = SafetyStep(env)
    >>> _ = env.reset(seed=0)
    >>> observation, reward, cost, terminated, truncated, info = env.step(np.zeros(12))
    >>> cost
    0.0
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(  # type: ignore[override]
        self, action: Any
    ) -> tuple[Any, SupportsFloat, float, bool, bool, dict[str, Any]]:
        """Take a step and hand out its cost beside its reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, info["cost"], terminated, truncated, info


class VectorReward(gym.Wrapper, RecordConstructorArgs):
    """Return a vector as reward, as MO-Gymnasium does: learning, delay, energy.

    The reward is (the environment's, minus the step's delay as a share of its budget, minus the
    step's energy as a share of its budget, 0 where there is none). `env.unwrapped.reward_space` is
    set to its space, so that `mo_gymnasium.wrappers.LinearReward` and its siblings work on top.

    Examples
    --------
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound")
    >>> env = VectorReward(env)
    >>> _ = env.reset(seed=0)
    >>> env.step(np.ones(12))[1]  # to advance costs nothing
    array([0., 0., 0.])
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        scenario = self.get_wrapper_attr("scenario")
        energy_j = math.inf if scenario.energy_budget_j is None else scenario.energy_budget_j
        self._budgets = np.array([scenario.delay_budget_s, energy_j])
        high = np.array([np.inf, 0.0, 0.0])
        # Where MO-Gymnasium's wrappers look for it.
        space = Box(-np.inf, high, dtype=np.float64)
        self.unwrapped.reward_space = space  # type: ignore[attr-defined]

    def step(self, action: Any) -> tuple[Any, NDArray[np.float64], bool, bool, dict[str, Any]]:
        """Take a step and hand out its reward with what it spends."""
        before = self._spent()
        observation, reward, terminated, truncated, info = self.env.step(action)
        vector = np.array([reward, *(before - self._spent()) / self._budgets])
        return observation, vector, terminated, truncated, info

    def _spent(self) -> NDArray[np.float64]:
        """Read the state, so that a restored snapshot needs nothing from here."""
        return np.asarray(self.get_wrapper_attr("state").totals[: ENERGY + 1])


class FixedPenalty(gym.Wrapper, RecordConstructorArgs):
    """Take a fixed multiple of the cost off the reward, for agents without constraints.

    Meant for `budgets="soft"`, where `info["cost"]` is what a step overspends, relative to the
    limits.

    Parameters
    ----------
    env : the environment
    coefficient : reward taken off per unit of cost

    Raises
    ------
    InputError
        If the coefficient is negative or not finite.

    Examples
    --------
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", budgets="soft")
    >>> env = FixedPenalty(env, coefficient=10.0)
    >>> _ = env.reset(seed=0)
    >>> _, reward, _, _, info = env.step(np.zeros(12))
    >>> reward == info["reward_bound"] - 10 * info["cost"]
    True
    """

    def __init__(self, env: gym.Env[Any, Any], coefficient: float) -> None:
        RecordConstructorArgs.__init__(self, coefficient=coefficient)
        gym.Wrapper.__init__(self, env)
        if not isinstance(coefficient, Real) or not 0 <= coefficient < math.inf:
            raise InputError(
                f"coefficient must be at least 0 and finite; got {coefficient!r}. Correct it."
            )
        self.coefficient: float = coefficient

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take a step and the penalty off its reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        penalised = float(reward) - self.coefficient * info["cost"]
        return observation, penalised, terminated, truncated, info
