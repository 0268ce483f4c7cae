"""Views of the action: a dict in SI units, and a small discrete set."""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import ArrayLike, NDArray

from edgegym.errors import InputError, unknown_name, whole_number
from edgegym.lifecycle.codec import as_numbers
from edgegym.systems.two_stage.decision import Stage

#: A limit may be missed by what a value loses on its way through a logarithm.
ROUNDING = 1e-9
#: Units of what has levels: batches, clocks, powers.
LEVEL_UNITS = ("samples", "Hz", "W")


class SIAction(gym.ActionWrapper, RecordConstructorArgs):
    """Take actions as a dict in SI units: samples, hertz and watts, or shares.

    `advance`, where there are stages to move on from, is 0 or 1; the other keys are the parts of
    the action, blocks and shares by what they sum to. Of `TwoStageEdge-v0`, `server_batch_size`
    and `server_clock_hz` are numbers, `finetune_batch_size`, `device_clock_hz` and
    `device_tx_power_w` hold one value per device. All keys are given at every step; those of the
    other stage are not used.

    Raises
    ------
    InputError
        In `step`, if a key is missing or unknown, or a value has the wrong shape, lies outside
        the bounds or should be whole and is not; nothing has changed then.

    Examples
    --------
    >>> env = SIAction(gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound"))
    >>> _ = env.reset(seed=0)
    >>> action = env.action_space.sample() | {"advance": 0, "server_batch_size": 32}
    >>> env.step(action | {"server_clock_hz": 1e9})[4]["round"]
    1
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.ActionWrapper.__init__(self, env)
        self._codec = self.get_wrapper_attr("action_codec")
        self._boxes = {
            part.name: Box(*part.bounds, dtype=np.int64 if part.whole else np.float64)
            for part in self._codec.parts
        }
        head = {"advance": Discrete(2)} if self._codec.has_advance else {}
        self.action_space = Dict({**head, **self._boxes})
        self._keys = list(self.action_space.spaces)

    def action(self, action: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Write a dict in SI units as the action it stands for."""
        keys = self._keys
        if not isinstance(action, Mapping):
            raise InputError(
                f"action must be a dict with the keys {', '.join(keys)}; got {action!r}. Give one."
            )
        if unknown := [key for key in action if key not in keys]:
            raise unknown_name("key of the action", unknown[0], keys)
        if missing := [key for key in keys if key not in action]:
            raise InputError(
                f"action must hold every key; got no {missing[0]}. Any value within the bounds "
                "will do where the stage does not use it."
            )
        head = [bool(action["advance"])] if self._codec.has_advance else []
        if head and np.asarray(action["advance"]).tolist() not in (0, 1):
            raise InputError(f"advance must be 0 or 1; got {action['advance']!r}. Correct it.")
        values = [_within(key, box, action[key]) for key, box in self._boxes.items()]
        return self._codec.encode(self._codec.decision(*head, *values))


def _within(key: str, box: Box, value: ArrayLike) -> Any:
    values = as_numbers(key, value)
    if values.shape != box.shape:
        raise InputError(
            f"{key} must have shape {box.shape}; got shape {values.shape}. "
            "Give the server's as a number and the devices' as one value each."
        )
    inside = (values >= box.low * (1 - ROUNDING)) & (values <= box.high * (1 + ROUNDING))
    if not inside.all():
        k = int(np.argmin(inside))
        low, high, got = (np.ravel(each)[k] for each in (box.low, box.high, values))
        raise InputError(
            f"{key} must lie in [{low:g}, {high:g}]; got {got:g}. "
            "Stay within the bounds of the action space."
        )
    if box.dtype == np.int64 and (values % 1).any():
        raise InputError(f"{key} must be whole; got {value!r}. Round it.")
    return values


class DiscreteAction(gym.ActionWrapper, RecordConstructorArgs):
    """Choose among a few actions: to advance, or one level of batch, of clock and of power.

    Action 0 advances; action 1 + (b * levels + c) * levels + p runs a round at batch level b,
    clock level c and power level p, the same for the server and all devices. Levels are spaced
    evenly over [-1, 1], so by logarithm from floor to limit.

    Parameters
    ----------
    env : the environment, its action still the box
    levels : how many of each; the space is `Discrete(1 + levels ** 3)`

    Raises
    ------
    InputError
        If there are fewer than two levels, or other things to decide than batches, clocks and
        powers; in `step`, if there is no such action.

    Examples
    --------
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound")
    >>> env = DiscreteAction(env, levels=3)
    >>> env.action_space, env.action(27)  # everything at its limit
    (Discrete(28), array([-1.,  1.,  1.,  1.,  1.,  1.,  1.,  1.,  1.,  1.,  1.,  1.]))
    """

    def __init__(self, env: gym.Env[Any, Any], levels: int = 5) -> None:
        levels = whole_number("levels", levels, least=2)
        RecordConstructorArgs.__init__(self, levels=levels)
        gym.ActionWrapper.__init__(self, env)
        self._levels = np.linspace(-1.0, 1.0, levels)
        self._codec = self.get_wrapper_attr("action_codec")
        if other := [part.name for part in self._codec.parts if part.unit not in LEVEL_UNITS]:
            raise InputError(
                f"env must decide batches, clocks and powers; got {other[0]}. "
                "Use TwoStageEdge-v0, or the actions of this environment as they are."
            )
        self._n_actions = 1 + levels**3
        self.action_space = Discrete(self._n_actions)

    def action(self, action: int) -> NDArray[np.float64]:
        """Write a discrete action as the box's action it stands for."""
        if not self.action_space.contains(action):
            raise InputError(
                f"action must be one of 0 ... {self._n_actions - 1}; got {action!r}. Correct it."
            )
        if action == 0:
            return self._codec.advance()
        index = np.unravel_index(int(action) - 1, (self._levels.size,) * 3)
        batch, clock, power = self._levels[list(index)]
        levels = dict(zip(LEVEL_UNITS, (batch, clock, power), strict=True))
        parts = [np.full(np.size(part.low), levels[part.unit]) for part in self._codec.parts]
        return np.concatenate([[-1.0], *parts])

    def action_masks(self) -> NDArray[np.bool_]:
        """Say which actions differ, as MaskablePPO asks: in pre-training one power level is left.

        Examples
        --------
        >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound")
        >>> env = DiscreteAction(env, levels=3)
        >>> _ = env.reset(seed=0)
        >>> int(env.action_masks().sum())  # advance, three batches by three clocks
        10
        """
        masks = np.ones(self._n_actions, dtype=np.bool_)
        if self.get_wrapper_attr("state").stage == Stage.PRETRAIN:
            power_level = np.arange(self._levels.size**3) % self._levels.size
            masks[1:] = power_level == 0
        return masks
