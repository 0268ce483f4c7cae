"""The observation codec: what the agent sees, as a flat box and by name."""

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from edgegym.envs.ledger import Ledger
from edgegym.envs.reward import Standing
from edgegym.envs.vector_ledger import VectorLedger
from edgegym.physics import Array, Numbers
from edgegym.systems.two_stage.decision import Stage
from edgegym.systems.two_stage.scenario import Scenario

#: Ranges of the logarithms, base ten: losses by the initial gap, the bound by its start, gains by
#: their mean. What lies outside is clipped.
LOSS_RANGE = (-4.0, 1.0)
BOUND_RANGE = (-6.0, 1.0)
GAIN_RANGE = (-4.0, 2.0)


class ObservationCodec:
    """Flat observations in [-1, 1] and the names of their entries.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> codec = ObservationCodec(load_scenario("mnist"))
    >>> codec.space.shape, codec.names[:3]
    ((17,), ['finetuning', 'pretrain_rounds_share', 'finetune_rounds_share'])
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        per_device = ("mean_tx_power_share", "uplink_gain_log", "downlink_gain_log")
        self.names = [
            "finetuning",
            "pretrain_rounds_share",
            "finetune_rounds_share",
            "delay_left_share",
            "energy_left_share",
            "loss_log",
            "validation_loss_log",
            "gradient_norm_bound_log",
            *(f"{name}_{k}" for name in per_device for k in range(scenario.n_devices)),
        ]
        self.space = Box(-1.0, 1.0, (len(self.names),), np.float32)
        self._start_bound = Ledger(scenario).gradient_norm_bound

    def encode(
        self,
        ledger: Ledger | VectorLedger,
        standing: Standing,
        loss: Numbers,
        gains: tuple[Array, Array],
    ) -> NDArray[np.float32]:
        """Write what the agent sees before its next action; of many copies, one in each row."""
        s = self.scenario
        gap = s.initial_loss_gap
        values = np.empty((len(self.names), *np.shape(ledger.delay_s)))
        values[0] = ledger.stage != Stage.PRETRAIN.value
        values[1] = ledger.n_pretrain_rounds / s.max_pretrain_rounds
        values[2] = ledger.n_finetune_rounds / s.max_finetune_rounds
        values[3] = 1 - ledger.delay_s / s.delay_budget_s
        values[4] = 1 - ledger.energy_j / s.energy_budget_j
        values[5] = _log_share(loss / gap, LOSS_RANGE)
        values[6] = _log_share(standing.validation_loss / gap, LOSS_RANGE)
        values[7] = _log_share(standing.gradient_norm_bound / self._start_bound, BOUND_RANGE)
        per_device = (
            ledger.mean_tx_power_w / s.device_tx_power_peak_limit_w,
            _log_share(gains[0] / s.mean_path_gain, GAIN_RANGE),
            _log_share(gains[1] / s.mean_path_gain, GAIN_RANGE),
        )
        values[8:] = np.concatenate(np.broadcast_arrays(*per_device), axis=-1).T
        return np.clip(values, -1, 1).T.astype(np.float32, order="C")

    def gains(self, observation: NDArray[np.float32]) -> tuple[Array, Array]:
        """Read this round's up- and downlink gains, as far as an observation shows them."""
        logs = np.reshape(observation, -1)[-2 * self.scenario.n_devices :].astype(float)
        low, high = GAIN_RANGE
        gains = self.scenario.mean_path_gain * 10 ** ((logs + 1) / 2 * (high - low) + low)
        uplink, downlink = gains.reshape(2, -1)
        return uplink, downlink

    def named(self, observation: NDArray[np.float32]) -> dict[str, float]:
        """Name every entry of an observation."""
        return dict(zip(self.names, map(float, observation), strict=True))


def _log_share(ratio: Numbers, log_range: tuple[float, float]) -> Array:
    """Map the logarithm of a ratio from its range to [-1, 1]."""
    low, high = log_range
    return 2 * (np.log10(np.maximum(ratio, 10.0**low)) - low) / (high - low) - 1
