"""Which entries of observations and actions belong to devices, and in which order they stand."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import ArrayLike, NDArray

from agents.shared.context import CONTEXT_LIMIT, describe
from edgegym.envs.env import EdgeEnv
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.errors import InputError
from edgegym.physics import Array


class Sizes(NamedTuple):
    """Numbers of entries, which no number of devices changes."""

    common: int  # of the observation
    device: int  # of the observation, each device
    common_actions: int
    device_actions: int  # each device


class Layout:
    """An environment's observations and actions as a shared policy has them.

    An observation is what all devices have in common, then the entries of each place for a device,
    then 1 for each place that holds one. An action is what concerns no device, then the entries of
    each place. Beside what the environment shows, an observation holds what `describe` says of the
    system, so that one policy can tell systems apart.

    Parameters
    ----------
    env : the environment, of any system whose entries are one or one for each device
    n_places : places for devices; those beyond the environment's own are empty; None is as many

    Raises
    ------
    InputError
        If an entry is neither.

    Examples
    --------
    >>> env = EdgeEnv("mnist", fidelity="bound")
    >>> layout = Layout(env, n_places=5)
    >>> layout.sizes.common_actions, layout.sizes.device_actions
    (3, 3)
    >>> observation, info = env.reset(seed=0)
    >>> layout.show(observation[np.newaxis])[:, -5:]
    array([[1., 1., 1., 0., 0.]], dtype=float32)
    >>> layout.play(np.arange(18.0)[np.newaxis])  # advance, the server, a row for each part
    array([[ 0.,  1.,  2.,  3.,  6.,  9.,  4.,  7., 10.,  5.,  8., 11.]])
    """

    def __init__(self, env: EdgeEnv | EdgeVectorEnv, n_places: int | None = None) -> None:
        rules, codec = env.rules, env.action_codec
        self.n_devices = env.scenario.n_devices
        self.n_places = n_places or self.n_devices
        shown = [(entry.name, entry.n) for entry in rules.shown]
        decided = [
            (part.name, np.size(part.low) if np.ndim(part.low) else None) for part in rules.parts
        ]
        head = [("advance", None)] if codec.has_advance else []
        self._seen = _entries(shown, self.n_devices)
        self._acted = _entries(head + decided, self.n_devices)
        common, device = describe(rules, codec)
        self._common, self._device = common, device
        self.sizes = Sizes(
            self._seen[0].size + common.size,
            len(self._seen[1]) + len(device),
            self._acted[0].size,
            len(self._acted[1]),
        )
        width = self.sizes.common + self.n_places * (self.sizes.device + 1)
        self.observation_space = Box(-CONTEXT_LIMIT, CONTEXT_LIMIT, (width,), np.float32)
        n_actions = self.sizes.common_actions + self.n_places * self.sizes.device_actions
        self.action_space = Box(-1.0, 1.0, (n_actions,), np.float32)

    def show(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Write what the policy sees, (C, W), from what each of C copies is shown."""
        (common, device), n_copies = self._seen, len(observations)
        places = np.zeros((n_copies, self.n_places, self.sizes.device + 1), dtype=np.float32)
        here = places[:, : self.n_devices]
        here[..., : len(device)] = np.moveaxis(observations[:, device], 1, 2)
        here[..., len(device) : -1] = self._device.T
        here[..., -1] = 1.0
        context = np.broadcast_to(self._common, (n_copies, self._common.size))
        devices = places[..., :-1].reshape(n_copies, -1), places[..., -1]
        parts = observations[:, common], context, *devices
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def play(self, actions: ArrayLike) -> Array:
        """Write the environment's actions, (C, A), from the policy's."""
        (common, device), given = self._acted, np.asarray(actions, dtype=float)
        played = np.empty((len(given), common.size + device.size))
        played[:, common] = given[:, : common.size]
        places = given[:, common.size :].reshape(len(given), self.n_places, len(device))
        played[:, device] = np.moveaxis(places[:, : self.n_devices], 1, 2)
        return played


def _entries(
    named: Sequence[tuple[str, int | None]], n_devices: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Find the entries that are one, (G,), and those of each device, (D, K)."""
    common, device, start = [], [], 0
    for name, n in named:
        if n is None:
            common.append(start)
        elif n == n_devices:
            device.append(range(start, start + n))
        else:
            raise InputError(
                f"{name} must be one number, or one for each of the {n_devices} devices, for a "
                f"policy that they share; got {n}. Train a policy of the system's own."
            )
        start += n or 1
    return np.array(common, dtype=int), np.array(device, dtype=int).reshape(-1, n_devices)
