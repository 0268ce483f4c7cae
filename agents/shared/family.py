"""Copies of one system with other devices each, to train a shared policy on."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from agents.shared.layout import Layout
from agents.vec_env import NativeVecEnv
from edgegym.systems.load import load_scenario
from edgegym.systems.system import find_system

#: Budgets are drawn up to so many times as much or as little.
SPREAD = 3.0
#: Devices that one may stand for, where it is asked how much the server matters.
STANDS_FOR, SERVER = 100.0, "server_power_coefficient_w_per_hz3"
#: Copies that have the same devices and budgets.
GROUP = 4


def draw_scenario(base: Any, n_devices: int, rng: np.random.Generator) -> Any:
    """Draw a scenario of so many devices, each like one of the scenario's own.

    The energy budget grows with the number of devices. Both budgets are up to `SPREAD` times as
    much or as little, so that a policy has to look at what they are worth; and the server's
    processor takes as little of them as if there were up to `STANDS_FOR` times as many devices.

    Examples
    --------
    >>> drawn = draw_scenario(load_scenario("digits-100"), 5, np.random.default_rng(0))
    >>> drawn.n_devices, set(drawn.uplink_gain.tolist()) <= {6.8e-6, 1.02e-5, 2.0e-6}
    (5, True)
    """
    k = base.n_devices
    chosen = rng.integers(k, size=n_devices)
    changes: dict[str, Any] = {
        key: value[chosen].tolist()
        for key, value in base
        if isinstance(value, np.ndarray) and value.shape == (k,)
    }
    times = SPREAD ** rng.uniform(-1, 1, size=2)
    changes["delay_budget_s"] = base.delay_budget_s * times[0]
    if base.energy_budget_j is not None:
        changes["energy_budget_j"] = base.energy_budget_j * n_devices / k * times[1]
    if hasattr(base, SERVER):
        changes[SERVER] = getattr(base, SERVER) / STANDS_FOR ** rng.uniform()
    return base.replace(**changes)


class FamilyVecEnv(VecEnv):
    """Groups of copies with other devices and budgets each, as a shared policy sees them.

    What is drawn for a group stays; there are places for the most devices.

    Parameters
    ----------
    num_envs : copies, in groups of `GROUP`, the last one of what is left
    n_devices : fewest and most
    seed : of the draws
    scenario : whose devices and budgets are drawn from
    system : its name
    arguments : of `edgegym.envs.vector.EdgeVectorEnv`

    Examples
    --------
    >>> envs = FamilyVecEnv(16, (3, 10), 0, scenario="digits-100", fidelity="bound")
    >>> envs.reset().shape == (16, *envs.observation_space.shape)
    True
    """

    def __init__(
        self,
        num_envs: int,
        n_devices: tuple[int, int],
        seed: int,
        *,
        scenario: Any,
        system: str = "two-stage",
        **arguments: Any,
    ) -> None:
        base, rng = load_scenario(scenario, find_system(system)), np.random.default_rng(seed)
        fewest, most = n_devices
        self._rows = [slice(row, min(row + GROUP, num_envs)) for row in range(0, num_envs, GROUP)]
        self._groups = [
            NativeVecEnv(
                rows.stop - rows.start,
                scenario=draw_scenario(base, int(rng.integers(fewest, most + 1)), rng),
                system=system,
                **arguments,
            )
            for rows in self._rows
        ]
        self._layouts = [Layout(group.native, most) for group in self._groups]
        first = self._layouts[0]
        self.sizes = first.sizes
        super().__init__(num_envs, first.observation_space, first.action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin a lifecycle in every copy, with the seeds of the last call of `seed`."""
        for rows, group in zip(self._rows, self._groups, strict=True):
            group._seeds = self._seeds[rows]
        self._reset_seeds()
        pairs = zip(self._layouts, self._groups, strict=True)
        return np.concatenate([layout.show(np.asarray(group.reset())) for layout, group in pairs])

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Run a step in every copy; what ends begins anew at once."""
        steps = []
        for rows, layout, group in zip(self._rows, self._layouts, self._groups, strict=True):
            actions = layout.play(self._actions[rows])
            observations, rewards, ended, infos = group.step(actions)
            for copy in np.flatnonzero(ended):
                last = infos[copy]["terminal_observation"]
                infos[copy]["terminal_observation"] = layout.show(last[np.newaxis])[0]
            steps.append((layout.show(np.asarray(observations)), rewards, ended, infos))
        observations, rewards, ended, infos = zip(*steps, strict=True)
        together = np.concatenate(observations), np.concatenate(rewards), np.concatenate(ended)
        return *together, [info for group in infos for info in group]

    def close(self) -> None:
        """Release nothing: there are neither processes nor windows."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Give an attribute of the environment that each copy is of."""
        return [
            self._groups[copy // GROUP].get_attr(attr_name, 0)[0]
            for copy in self._get_indices(indices)
        ]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of all copies."""
        for group in self._groups:
            group.set_attr(attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call a method of each group once, and give its result for every copy of it."""
        results = [
            group.env_method(method_name, *method_args, **method_kwargs)[0]
            for group in self._groups
        ]
        return [results[copy // GROUP] for copy in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Say that no copy is wrapped."""
        return [False for _ in self._get_indices(indices)]
