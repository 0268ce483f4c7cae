"""The environment of every system for many copies at once, without a loop over them."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from edgegym.envs.env import EdgeEnv
from edgegym.envs.learners import make_learner, trains_stacked
from edgegym.errors import InputError, unknown_name, whole_number
from edgegym.lifecycle.info import InfoWriter
from edgegym.lifecycle.rounds import Lifecycle
from edgegym.lifecycle.state import chosen
from edgegym.physics import Array

Mask = NDArray[np.bool_]
Step = tuple[NDArray[np.float32], Array, Mask, Mask, dict[str, Any]]


class EdgeVectorEnv(VectorEnv[NDArray[np.float32], ArrayLike, NDArray[Any]]):
    """Many copies of `EdgeEnv` in one process, as arrays.

    Copy i of `reset(seed=s)` is the scalar environment after `reset(seed=s + i)`, step by step
    and over all later episodes. `gym.make_vec("TwoStageEdge-v0", n, fidelity="bound")` makes this
    one. At fidelity `train` all networks are trained at once, on a GPU only, and what a copy
    learns is the scalar environment's to the rounding of its sums. Real training on a CPU, and
    `make_vec(..., wrappers=[...])`, need `vectorization_mode="sync"` or `"async"`: many scalar
    environments.

    ## Arguments
    - `num_envs`: number of copies
    - `autoreset_mode`: `NextStep`, Gymnasium's default: the step after an ended episode ignores
      that copy's action and resets it; or `SameStep`: it is reset at once, and `infos` holds the
      last `final_obs` and `final_info`
    - `max_episode_steps`: steps after which an episode is truncated; the validation loss is looked
      at then, so that a return is the total fall
    - all others: those of `EdgeEnv`; fidelity `train` needs a GPU

    ## Info
    The scalar environment's keys, as arrays with Gymnasium's masks (`_key`).

    Examples
    --------
    >>> import gymnasium as gym
    >>> envs = gym.make_vec("TwoStageEdge-v0", 4, scenario="mnist", fidelity="bound")
    >>> observations, infos = envs.reset(seed=1)
    >>> observations, rewards, *_, infos = envs.step(np.zeros((4, 12)))
    >>> observations.shape, infos["round"]
    ((4, 17), array([1, 1, 1, 1]))
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        render_mode: None = None,
        **arguments: Any,
    ) -> None:
        single = EdgeEnv(**arguments)
        if single.fidelity == "train" and not trains_stacked(single.system, single.settings.device):
            raise InputError(
                "fidelity must be 'bound' or 'curve' in a native vector environment without a GPU; "
                "got 'train'. Train many networks with gym.make_vec(..., "
                "vectorization_mode='sync') or 'async'."
            )
        if render_mode is not None:
            raise InputError(
                f"render_mode must be None in a native vector environment; got {render_mode!r}. "
                "Look at one environment of gym.make."
            )
        self.num_envs = whole_number("num_envs", num_envs)
        steps = None if max_episode_steps == -1 else max_episode_steps  # as gym.make reads it
        self._max_steps = np.inf if steps is None else whole_number("max_episode_steps", steps)
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.system, self.scenario, self.rules = single.system, single.scenario, single.rules
        self.reward = single.reward
        self.action_codec, self.observation_codec = single.action_codec, single.observation_codec
        self.single_action_space = single.action_space
        self.single_observation_space = single.observation_space
        self.action_space = batch_space(single.action_space, self.num_envs)
        self.observation_space = batch_space(single.observation_space, self.num_envs)
        settings = single.settings
        learner = make_learner(self.system, self.rules, settings, self.num_envs)
        self.lifecycle = Lifecycle(self.rules, learner, settings.budgets, settings.rounds_per_step)
        self.state = self._before = self.lifecycle.blank(self.num_envs)
        self._info = InfoWriter(self.rules)
        self._is_random = self.rules.is_random or settings.fidelity != "bound"
        self._generators = [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._elapsed = np.zeros(self.num_envs, dtype=int)
        self._ended: Mask | None = None  # no episode is open before the first reset

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a lifecycle in every copy; copy i takes seed + i, or the i-th of a list of seeds.

        Raises
        ------
        InputError
            If a list is not as long as there are copies, or there is an option.
        """
        if options:
            raise unknown_name("option of reset", next(iter(options)), ["(none)"])
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        elif np.array(seed, dtype=object).shape != (self.num_envs,):
            raise InputError(
                f"seed must be one whole number, or one for each of the {self.num_envs} copies; "
                f"got {seed!r}. Correct it."
            )
        else:
            seeds = list(seed)
        self._generators = [
            old if one is None else seeding.np_random(one)[0]
            for old, one in zip(self._generators, seeds, strict=True)
        ]
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._begin(~self._ended)
        self._before = self.state
        return self._observe(), self._infos()

    def step(self, actions: ArrayLike) -> Step:
        """Run one learning round, or `rounds_per_step` of them, in every copy.

        Raises
        ------
        InputError
            If the actions have the wrong shape or hold NaN; nothing has changed then.
        """
        if self._ended is None:
            raise gym.error.ResetNeeded("No episode is open; call reset() before step().")
        decision = self.action_codec.decode(actions, (self.num_envs,))
        playing = ~self._ended
        if self._ended.any():
            self._begin(self._ended)
        self._elapsed = self._elapsed + playing
        truncated = self._elapsed >= self._max_steps
        advancing = self.action_codec.advances(decision)
        self._before = self.state
        self.state = self.lifecycle.step(self.state, decision, advancing, playing, truncated)
        terminated = self.state.ended
        self._ended = terminated | truncated
        observations, infos = self._observe(), self._infos()
        rewards = infos[f"reward_{self.reward}"].copy()
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._ended.any():
            finals = _finals(self._ended, observations, infos)
            self._begin(self._ended)
            self._before = chosen(self._ended, self.state, self._before)
            self._ended = np.zeros(self.num_envs, dtype=bool)
            observations, infos = self._observe(), self._infos() | finals
        return observations, rewards, terminated, truncated, infos

    def _begin(self, copies: Mask) -> None:
        """Open new episodes in some copies."""
        seeds = np.zeros(self.num_envs, dtype=np.int64)
        if self._is_random:
            for copy in np.flatnonzero(copies).tolist():
                seeds[copy] = self._generators[copy].integers(2**62)
        self.state = self.lifecycle.begin(self.state, copies, seeds)
        self._elapsed = np.where(copies, 0, self._elapsed)

    def _observe(self) -> NDArray[np.float32]:
        return self.observation_codec.encode(self.rules.show(self.state))

    def _infos(self) -> dict[str, Any]:
        """Give the scalar environment's `info` as arrays, with Gymnasium's masks."""
        info = self._info.many(self._before, self.state)
        everyone = np.ones(self.num_envs, dtype=bool)
        return info | {f"_{key}": everyone for key in info}


def _finals(
    ended: Mask, observations: NDArray[np.float32], infos: dict[str, Any]
) -> dict[str, Any]:
    """Keep how episodes ended, as `SyncVectorEnv` does."""
    final_obs = np.full(ended.size, None, dtype=object)
    for copy in np.flatnonzero(ended):
        final_obs[copy] = observations[copy]
    return {
        "final_obs": final_obs,
        "_final_obs": ended.copy(),
        "final_info": {key: np.where(ended, v, np.zeros_like(v)) for key, v in infos.items()},
        "_final_info": ended.copy(),
    }


def _autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    valid = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)
    for one in valid:
        if mode in (one, one.value):
            return one
    raise unknown_name("autoreset_mode", mode, [one.value for one in valid])
