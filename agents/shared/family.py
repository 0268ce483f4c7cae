"""Episodes of one system with ever other devices, to train a shared policy on."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.shared.layout import Layout
from edgegym.envs.env import EdgeEnv
from edgegym.systems.load import load_scenario
from edgegym.systems.system import find_system

#: Budgets are drawn up to so many times as much or as little.
SPREAD = 3.0
#: Devices that one may stand for, where it is asked how much of the energy the server takes.
STANDS_FOR = 100.0
SERVER = ("server_power_coefficient_w_per_hz3", "server_tx_power_w")


def draw_scenario(base: Any, n_devices: int, rng: np.random.Generator) -> Any:
    """Draw a scenario of so many devices, each like one of the scenario's own.

    The energy budget grows with the number of devices. Both budgets are up to `SPREAD` times as
    much or as little, so that a policy has to look at what they are worth; and the server's
    processor and transmitter take as little of them as if there were up to `STANDS_FOR` times as
    many devices.

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
    stands_for = STANDS_FOR ** rng.uniform()
    changes |= {key: getattr(base, key) / stands_for for key in SERVER if hasattr(base, key)}
    return base.replace(**changes)


class DrawnDevices(gym.Env[NDArray[np.float32], ArrayLike]):
    """An environment whose every episode has other devices and budgets, as a shared policy sees it.

    While an episode runs its `info` holds only `cost`; where it ends, all that the environment's
    own does.

    Parameters
    ----------
    n_devices : fewest and most; there are places for the most
    scenario : whose devices and budgets are drawn from
    system : its name
    arguments : of `edgegym.envs.env.EdgeEnv`

    Examples
    --------
    >>> env = DrawnDevices((3, 10), scenario="digits-100", fidelity="bound")
    >>> observation, info = env.reset(seed=0)
    >>> observation in env.observation_space, 3 <= env.drawn.scenario.n_devices <= 10
    (True, True)
    """

    def __init__(
        self,
        n_devices: tuple[int, int],
        *,
        scenario: Any,
        system: str = "two-stage",
        **arguments: Any,
    ) -> None:
        self._n_devices, self._arguments = n_devices, {"system": system, **arguments}
        self._base = load_scenario(scenario, find_system(system))
        self._open(draw_scenario(self._base, n_devices[1], np.random.default_rng(0)))
        self.observation_space = self._layout.observation_space
        self.action_space = self._layout.action_space

    def _open(self, scenario: Any) -> None:
        self.drawn = EdgeEnv(scenario, **self._arguments)
        self._layout = Layout(self.drawn, self._n_devices[1])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Draw devices and budgets, and begin a lifecycle."""
        super().reset(seed=seed)
        fewest, most = self._n_devices
        n_devices = int(self.np_random.integers(fewest, most + 1))
        self._open(draw_scenario(self._base, n_devices, self.np_random))
        own_seed = int(self.np_random.integers(2**31))
        observation, info = self.drawn.reset(seed=own_seed, options=options)
        return self._layout.show(observation[np.newaxis])[0], {"cost": info["cost"]}

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Run a step of the environment that was drawn."""
        played = self._layout.play(np.asarray(action)[np.newaxis])[0]
        observation, reward, terminated, truncated, info = self.drawn.step(played)
        told = info if terminated or truncated else {"cost": info["cost"]}
        shown = self._layout.show(observation[np.newaxis])[0]
        return shown, reward, terminated, truncated, told
