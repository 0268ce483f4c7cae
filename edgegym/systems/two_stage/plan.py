"""Plan: the paper's Ψ, with M and N given by the shapes of its arrays."""

import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ValidationError, model_validator

from edgegym.errors import from_validation, whole_number
from edgegym.lifecycle.state import ROUNDS, State
from edgegym.scenario.fields import Array, CountArray, RealArray
from edgegym.systems.plan_file import JsonPlan, no_plan, read_json
from edgegym.systems.two_stage.decision import Decision, Stage

PRETRAIN_FIELDS = ("pretrain_batch_size", "server_clock_hz")
FINETUNE_FIELDS = ("finetune_batch_size", "device_clock_hz", "device_tx_power_w")


class Plan(JsonPlan):
    """What every round of both stages does, fixed ahead of time.

    Parameters
    ----------
    pretrain_batch_size : (M,) samples, D̃
    server_clock_hz : (M,) Hz, f
    finetune_batch_size : (N, K) samples, B̃_k
    device_clock_hz : (N, K) Hz, f̂_k
    device_tx_power_w : (N, K) W, p_k

    Examples
    --------
    >>> plan = Plan.constant(n_pretrain_rounds=2, pretrain_batch_size=8, server_clock_hz=1e9,
    ...                      n_finetune_rounds=3, finetune_batch_size=[4, 4],
    ...                      device_clock_hz=[1e8, 2e8], device_tx_power_w=[0.1, 0.2])
    >>> plan.n_pretrain_rounds, plan.n_finetune_rounds, plan.n_devices
    (2, 3, 2)
    >>> Plan.from_json(plan.to_json()) == plan
    True
    """

    pretrain_batch_size: CountArray
    server_clock_hz: RealArray
    finetune_batch_size: CountArray
    device_clock_hz: RealArray
    device_tx_power_w: RealArray

    @model_validator(mode="after")
    def _shapes_agree(self) -> "Plan":
        expected = {
            **dict.fromkeys(PRETRAIN_FIELDS, (self.pretrain_batch_size.size,)),
            **dict.fromkeys(FINETUNE_FIELDS, np.atleast_2d(self.finetune_batch_size).shape),
        }
        for key, shape in expected.items():
            if (got := getattr(self, key).shape) != shape:
                raise ValueError(f"{key} must have shape {shape}; got shape {got}")
        return self

    @property
    def n_pretrain_rounds(self) -> int:
        """Number of pre-training rounds, M."""
        return len(self.pretrain_batch_size)

    @property
    def n_finetune_rounds(self) -> int:
        """Number of fine-tuning rounds, N."""
        return len(self.finetune_batch_size)

    @property
    def n_devices(self) -> int:
        """Number of devices, K."""
        return self.finetune_batch_size.shape[1]

    @classmethod
    def constant(
        cls,
        *,
        n_pretrain_rounds: int,
        n_finetune_rounds: int,
        pretrain_batch_size: ArrayLike,
        server_clock_hz: ArrayLike,
        finetune_batch_size: ArrayLike,
        device_clock_hz: ArrayLike,
        device_tx_power_w: ArrayLike,
    ) -> "Plan":
        """Repeat one round's values, () for the server and (K,) for the devices, over a stage."""
        m = whole_number("n_pretrain_rounds", n_pretrain_rounds, least=0)
        n = whole_number("n_finetune_rounds", n_finetune_rounds, least=0)

        def repeat(values: ArrayLike, n_rounds: int) -> Array:
            return np.repeat(np.asarray(values)[np.newaxis], n_rounds, axis=0)

        return cls(
            pretrain_batch_size=repeat(pretrain_batch_size, m),
            server_clock_hz=repeat(server_clock_hz, m),
            finetune_batch_size=repeat(finetune_batch_size, n),
            device_clock_hz=repeat(device_clock_hz, n),
            device_tx_power_w=repeat(device_tx_power_w, n),
        )

    def decision(self, state: State) -> Decision | None:
        """Give what the plan does in the coming round of an episode, None to move on.

        What the stage does not use is None.
        """
        stage, sums = int(state.stage), state.totals[ROUNDS : ROUNDS + 2].astype(int)
        if stage == Stage.PRETRAIN and (m := sums[0]) < self.n_pretrain_rounds:
            server = self.pretrain_batch_size[m], self.server_clock_hz[m]
            return Decision(False, *server, None, None, None)
        if stage == Stage.FINETUNE and (n := sums[1]) < self.n_finetune_rounds:
            devices = (getattr(self, key)[n] for key in FINETUNE_FIELDS)
            return Decision(False, None, None, *devices)
        return None

    def to_json(self) -> str:
        """Write the plan as JSON; a stage whose rounds are all alike is written as one round."""
        data: dict[str, Any] = {
            "n_pretrain_rounds": self.n_pretrain_rounds,
            "n_finetune_rounds": self.n_finetune_rounds,
            "n_devices": self.n_devices,
        }
        for key in PRETRAIN_FIELDS + FINETUNE_FIELDS:
            values = getattr(self, key)
            alike = len(values) > 0 and bool(np.all(values == values[0]))
            data[key] = (values[0] if alike else values).tolist()
        return json.dumps(data, indent=2)

    @classmethod
    def from_json(cls, text: str, where: str = "the plan") -> "Plan":
        """Read a plan that `to_json` wrote.

        Raises
        ------
        InputError
            If the text is damaged, a key is missing or unknown, or a value is out of range.
        """
        data = read_json(text, where)
        try:
            counts = [int(data.pop(f"n_{key}")) for key in ("pretrain_rounds", "finetune_rounds")]
            n_devices = int(data.pop("n_devices"))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise no_plan(where, error) from None
        shapes = {
            **dict.fromkeys(PRETRAIN_FIELDS, (counts[0],)),
            **dict.fromkeys(FINETUNE_FIELDS, (counts[1], n_devices)),
        }
        try:
            full = {k: _broadcast(v, shapes[k]) if k in shapes else v for k, v in data.items()}
            return cls.model_validate(full)
        except ValidationError as error:
            raise from_validation(error, cls.model_fields, where) from None


def describe_round(plan: Plan | None) -> dict[str, Any]:
    """Give the rounds of both stages and what one of each does; None where there is none.

    Examples
    --------
    >>> describe_round(None)["n_pretrain_rounds"] is None
    True
    """
    counts = {
        "n_pretrain_rounds": plan.n_pretrain_rounds if plan else None,
        "n_finetune_rounds": plan.n_finetune_rounds if plan else None,
    }
    values = {
        key: getattr(plan, key)[0].tolist() if plan and len(getattr(plan, key)) else None
        for key in PRETRAIN_FIELDS + FINETUNE_FIELDS
    }
    return counts | values


def _broadcast(values: Any, shape: tuple[int, ...]) -> Any:
    """Repeat one round over a stage; values of another shape are left for the check to refuse."""
    try:
        if np.size(values) == 0:
            return np.empty(shape) if 0 in shape else values
        return np.broadcast_to(np.asarray(values, dtype=float), shape)
    except (TypeError, ValueError):
        return values
