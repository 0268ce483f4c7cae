"""The native vector environment as Stable-Baselines3 takes it."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from edgegym.envs.env import EdgeEnv
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.errors import InputError


class NativeVecEnv(VecEnv):
    """Copies of an environment in one process, stepped without a loop over them.

    While an episode runs its `info` holds the costs alone, as thousands of full ones would take
    longer than the step. Where it ended there is all of the scalar environment's last `info`,
    with `terminal_observation` and `TimeLimit.truncated`. `reset_infos` are those of the last call
    of `reset`.

    Parameters
    ----------
    num_envs : number of copies
    arguments : of `edgegym.envs.vector.EdgeVectorEnv`, with fidelity `bound` or `curve`

    Raises
    ------
    InputError
        If an argument is wrong.

    Examples
    --------
    >>> envs = NativeVecEnv(2, scenario="mnist", fidelity="bound")
    >>> observations = envs.reset()
    >>> advance = np.ones((2, 12))
    >>> envs.step(advance)[3][0]
    {'cost': 0.0, 'cost_delay': 0.0, 'cost_energy': 0.0, 'cost_power': 0.0}
    >>> envs.step(advance)[3][0]["end_code"]
    1
    """

    def __init__(self, num_envs: int, **arguments: Any) -> None:
        self.native = EdgeVectorEnv(num_envs, **arguments, autoreset_mode="SameStep")
        super().__init__(
            self.native.num_envs,
            self.native.single_observation_space,
            self.native.single_action_space,
        )
        own = (f"cost_{name}" for name in self.native.rules.limits)
        self._costs = ("cost", "cost_delay", "cost_energy", *own)

    def reset(self) -> NDArray[np.float32]:
        """Begin a lifecycle in every copy, with the seeds of the last call of `seed`."""
        options = next(filter(None, self._options), None)
        observations, infos = self.native.reset(seed=self._seeds, options=options)
        self.reset_infos = _infos_of(infos, np.arange(self.num_envs))
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Run a step in every copy; what ends begins anew at once."""
        observations, rewards, terminated, truncated, infos = self.native.step(self._actions)
        ended = terminated | truncated
        columns = [infos[key].tolist() for key in self._costs]
        given = [dict(zip(self._costs, row, strict=True)) for row in zip(*columns, strict=True)]
        if ended.any():
            copies = np.flatnonzero(ended)
            finals = _infos_of(infos["final_info"], copies)
            for copy, final in zip(copies.tolist(), finals, strict=True):
                given[copy] = final | {
                    "terminal_observation": infos["final_obs"][copy],
                    "TimeLimit.truncated": bool(truncated[copy] and not terminated[copy]),
                }
        return observations, rewards.astype(np.float32), ended, given

    def close(self) -> None:
        """Release nothing: there are neither processes nor windows."""
        self.native.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Give an attribute, which all copies share."""
        value = getattr(self.native, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of all copies.

        Raises
        ------
        InputError
            If only some are named.
        """
        if set(self._get_indices(indices)) != set(range(self.num_envs)):
            raise InputError(
                f"indices must name all copies, which share their attributes; got {indices}. "
                "Leave indices out, or use DummyVecEnv."
            )
        setattr(self.native, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call a method of the vector environment once, and give its result for every copy."""
        result = getattr(self.native, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Say that no copy is wrapped."""
        return [False for _ in self._get_indices(indices)]


def native_copies(copies: DummyVecEnv) -> VecEnv:
    """Put the native vector environment in the place of scalar ones, with their seeds.

    RL Zoo makes scalar ones alone; as its `vec_env_wrapper` this makes its trainings and searches
    as fast as `edgegym train`.

    Examples
    --------
    >>> envs = native_copies(DummyVecEnv([lambda: EdgeEnv("mnist", fidelity="bound")] * 3))
    >>> envs.num_envs, envs.reset().shape
    (3, (3, 17))
    """
    env = copies.envs[0].unwrapped
    assert isinstance(env, EdgeEnv)
    s = env.settings
    same = {key: getattr(s, key) for key in ("fidelity", "budgets", "reward", "rounds_per_step")}
    native = NativeVecEnv(
        copies.num_envs,
        system=env.system.name,
        scenario=env.scenario,
        emulator=s.emulator,
        **same,
    )
    native._seeds = copies._seeds
    return VecMonitor(native)


def _infos_of(infos: dict[str, Any], copies: NDArray[np.int_]) -> list[dict[str, Any]]:
    """Take some copies' infos out of a vector environment's, as plain numbers."""
    keys = [key for key in infos if not key.startswith("_")]
    columns = [infos[key][copies].tolist() for key in keys]
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
