"""A view of the action: one part of it frozen, so that the agent decides the rest."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import ArrayLike, NDArray

from edgegym.errors import InputError, unknown_name


class FrozenPart(gym.ActionWrapper, RecordConstructorArgs):
    """Freeze one part of the action; what is left is the action space.

    Of `PartitionedEdge-v0`, frozen blocks leave the bandwidth to decide and a frozen bandwidth the
    blocks: the two one-sided policies as environments.

    Parameters
    ----------
    env : the environment, its action still the box
    part : the name of the part, such as `block_size` or `bandwidth_share`
    value : what it always is, in its unit; None is the middle of its range, so equal shares

    Raises
    ------
    InputError
        If there is no such part, or the value lies outside its range or has the wrong shape.

    Examples
    --------
    >>> env = FrozenPart(gym.make("PartitionedEdge-v0", fidelity="bound"), "bandwidth_share")
    >>> env.action_space.shape
    (5,)
    >>> _ = env.reset(seed=0)
    >>> round(env.step(np.zeros(5))[4]["delay_s"], 4)
    0.1084
    """

    def __init__(self, env: gym.Env[Any, Any], part: str, value: ArrayLike | None = None) -> None:
        RecordConstructorArgs.__init__(self, part=part, value=value)
        gym.ActionWrapper.__init__(self, env)
        codec = self.get_wrapper_attr("action_codec")
        parts = {one.name: one for one in codec.parts}
        if part not in parts:
            raise unknown_name("part of the action", part, parts)
        entries = codec.entries(part)
        self._frozen = np.zeros(codec.size, dtype=bool)
        self._frozen[entries] = True
        self._action = np.zeros(codec.size)
        if value is not None:
            size = np.size(parts[part].bounds[0])
            if np.size(value) != size:
                raise InputError(
                    f"value must hold {size} numbers for {part}; got "
                    f"{np.size(value)}. Give one for each."
                )
            nothing = dict.fromkeys(codec.decision._fields)
            whole = codec.decision(**nothing | {part: np.asarray(value, dtype=float)})
            self._action[entries] = codec.encode(whole)[entries]
        left = int((~self._frozen).sum())
        self.action_space = Box(-1.0, 1.0, (left,), np.float32)

    def action(self, action: ArrayLike) -> NDArray[np.float64]:
        """Write what is decided and what is frozen as one action."""
        values = np.asarray(action, dtype=float)
        if values.shape != self.action_space.shape:
            raise InputError(
                f"action must have shape {self.action_space.shape}; got shape {values.shape}. "
                "Leave out what is frozen."
            )
        whole = self._action.copy()
        whole[~self._frozen] = values
        return whole
