"""The action codec: from a box in [-1, 1] to physical units and back."""

from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import ArrayLike, NDArray

from edgegym.errors import InputError
from edgegym.physics import Array
from edgegym.systems.two_stage.decision import Decision, Decisions
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR, Scenario

#: An action above this moves the lifecycle on.
ADVANCE_THRESHOLD = 0.5


def as_numbers(name: str, values: Any) -> Array:
    """Take numbers, on whatever level, as an array.

    Raises
    ------
    InputError
        If there is anything else among them.
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} must hold numbers only; got {values!r}. Check what computed it."
        ) from None


class ActionCodec:
    """Both directions between actions and decisions.

    Entry 0 is `advance`; entry 1 the server's batch, entry 2 its clock; then K device batches,
    K device clocks and K device powers. All but the first run by logarithm from the floor at -1
    to the limit at 1, and batches are rounded to whole samples.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> codec = ActionCodec(load_scenario("mnist"))
    >>> codec.space.shape, codec.decode(np.ones(12)).server_batch_size
    ((12,), 700)
    """

    def __init__(self, scenario: Scenario) -> None:
        s, self.n_devices = scenario, scenario.n_devices
        self.high = np.concatenate(
            [
                [s.pretrain_batch_size_limit, s.server_clock_limit_hz],
                s.finetune_batch_size_limit,
                s.device_clock_limit_hz,
                s.device_tx_power_peak_limit_w,
            ]
        )
        self.low = np.concatenate(
            [
                [1.0, CLOCK_FLOOR * s.server_clock_limit_hz],
                np.ones(self.n_devices),
                CLOCK_FLOOR * s.device_clock_limit_hz,
                POWER_FLOOR * s.device_tx_power_peak_limit_w,
            ]
        )
        # A limit of one sample leaves nothing to choose, but its logarithm has to be divided by.
        self._log_ratio = np.log(np.maximum(self.high / self.low, 1 + 1e-12))
        self.space = Box(-1.0, 1.0, (3 + 3 * self.n_devices,), np.float32)

    def decode(self, action: ArrayLike) -> Decision:
        """Read an action; values outside [-1, 1] are clipped.

        Raises
        ------
        InputError
            If the shape is wrong or a value is not a number.
        """
        advance, physical = self._read(action, self.space.shape)
        server, (batch, clock, power) = physical[:2], physical[2:].reshape(3, -1)
        return Decision(
            advance=bool(advance),
            server_batch_size=round(server[0]),
            server_clock_hz=float(server[1]),
            batch_size=np.rint(batch),
            clock_hz=clock,
            tx_power_w=power,
        )

    def decode_many(self, actions: ArrayLike, num_envs: int) -> Decisions:
        """Read the actions of many copies, one in each row, as `decode` reads one.

        Raises
        ------
        InputError
            If the shape is wrong or a value is not a number.
        """
        advance, physical = self._read(actions, (num_envs, *self.space.shape))
        batch, clock, power = np.split(physical[:, 2:], 3, axis=1)
        return Decisions(
            advance, np.rint(physical[:, 0]), physical[:, 1], np.rint(batch), clock, power
        )

    def _read(self, action: ArrayLike, shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], Array]:
        # Column by column: what follows runs over one quantity of all copies at a time.
        values = np.asarray(as_numbers("action", action), order="F")
        if values.shape != shape:
            raise InputError(
                f"action must have shape {shape}; got shape {values.shape}. "
                "Make one entry for each row of the action table."
            )
        if (nan := np.isnan(values)).any():
            index = ", ".join(map(str, np.argwhere(nan)[0]))
            raise InputError(
                f"action must hold numbers only; got NaN at index {index}. Check what computed it."
            )
        share = (np.clip(values[..., 1:], -1, 1) + 1) / 2
        return values[..., 0] > ADVANCE_THRESHOLD, self.low * np.exp(share * self._log_ratio)

    def encode(self, decision: Decision) -> Array:
        """Write a decision as an action, in float64 so that it is played exactly.

        Raises
        ------
        InputError
            If a value lies below its floor or above its limit.
        """
        physical = np.concatenate(
            [
                [decision.server_batch_size, decision.server_clock_hz],
                decision.batch_size,
                decision.clock_hz,
                decision.tx_power_w,
            ]
        )
        share = np.log(physical / self.low) / self._log_ratio
        if np.any(wrong := (share < -1e-9) | (share > 1 + 1e-9)):
            index = int(np.argmax(wrong))
            raise InputError(
                f"entry {index + 1} of the action must lie in [{self.low[index]:g}, "
                f"{self.high[index]:g}]; got {physical[index]:g}. "
                "Plan within the floors and limits of the environment."
            )
        advance = 1.0 if decision.advance else -1.0
        return np.concatenate([[advance], 2 * np.clip(share, 0, 1) - 1])

    def advance(self) -> Array:
        """Write the action that moves the lifecycle on."""
        return np.ones(self.space.shape)

    def pretrain_round(self, plan: Plan, round_index: int) -> Array:
        """Write a plan's pre-training round as an action; the devices' entries are not used."""
        return self.encode(
            Decision(
                False,
                plan.pretrain_batch_size[round_index],
                plan.server_clock_hz[round_index],
                *self.high[2:].reshape(3, -1),
            )
        )

    def finetune_round(self, plan: Plan, round_index: int) -> Array:
        """Write a plan's fine-tuning round as an action; the server's entries are not used."""
        return self.encode(
            Decision(
                False,
                int(self.high[0]),
                self.high[1],
                plan.finetune_batch_size[round_index],
                plan.device_clock_hz[round_index],
                plan.device_tx_power_w[round_index],
            )
        )
