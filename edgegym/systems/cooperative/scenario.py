"""Scenario of cooperative fine-tuning: every constant, frozen, checked, in SI units."""

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from edgegym.scenario.base import BaseScenario
from edgegym.scenario.fields import Count, NonNegative, Positive, RealArray, repeated
from edgegym.scenario.learning_task import LearningTask

#: One value for each device; in a file a single number stands for equal ones.
PER_DEVICE = (
    "uplink_gain",
    "downlink_gain",
    "device_noise_psd_w_per_hz",
    "device_tx_power_w",
    "device_clock_hz",
    "device_flop_per_cycle",
    "device_memory_bytes",
    "device_pue",
    "device_power_coefficient_w_per_hz3",
)
#: The same, where it is given at all.
EFFICIENCY = "uplink_efficiency_bps_per_hz"
#: One value for each block, the one nearest to the output first: what grows with the depth.
PER_BLOCK = ("backward_flop_per_sample", "activation_bytes_per_sample")


class CooperativeTask(LearningTask):
    """What is trained on which data; the server's samples are for the pre-training before.

    With no rounds of it the blocks are trained from their first weights.
    """

    n_pretrain_rounds: int = Field(default=0, ge=0)
    pretrain_batch_size: Count = 32
    pretrain_learning_rate: Positive = 0.1


class CooperativeScenario(BaseScenario):
    """Blocks of a transformer, devices of which each takes one, and what limits an episode.

    Block n is n layers from the output. Whoever takes it passes its samples through the whole
    network and back down to the block, so that time and memory grow with n. Per-device values have
    shape (K,), per-block values (N,); in a file a single number per device stands for K equal ones.
    Where no spectral efficiency is given, the uplink's rates are Shannon's: a device puts its whole
    power into its share of the band.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("cooperative-digits").replace(delay_budget_s=50.0)
    >>> scenario.n_blocks, scenario.n_devices, scenario.delay_budget_s
    (6, 10, 50.0)
    """

    energy_budget_j: Positive | None = None
    max_rounds: Count
    n_devices: Count
    least_batch_size: Count  # of a device; what plans are made for
    batch_size_limit: Count
    # blocks
    forward_flop_per_sample: Positive
    backward_flop_per_sample: RealArray
    gradient_flop_per_sample: NonNegative  # of a block's own parameters
    activation_bytes_per_sample: RealArray
    model_bytes: Positive
    block_state_bytes: NonNegative  # of its gradient, and what an optimizer keeps
    update_size_bits: Positive  # of the largest block, as which all are sent
    # radio
    channel_mode: Literal["fixed", "per-episode", "per-round"]
    mean_path_gain: Positive
    uplink_gain: RealArray
    downlink_gain: RealArray
    uplink_bandwidth_hz: Positive  # of all devices together
    downlink_bandwidth_hz: Positive
    uplink_efficiency_bps_per_hz: RealArray | None = None
    server_noise_psd_w_per_hz: Positive
    device_noise_psd_w_per_hz: RealArray
    server_tx_power_w: Positive
    device_tx_power_w: RealArray
    # processors
    device_clock_hz: RealArray
    device_flop_per_cycle: RealArray
    device_memory_bytes: RealArray
    device_pue: RealArray
    device_power_coefficient_w_per_hz3: RealArray
    # learning
    learning_rate: Positive
    learning: CooperativeTask | None = None

    @model_validator(mode="before")
    @classmethod
    def _repeat_numbers_per_device(cls, data: Any) -> Any:
        n_devices = data.get("n_devices") if isinstance(data, dict) else None
        if not isinstance(n_devices, int):
            return data
        return repeated(data, (*PER_DEVICE, EFFICIENCY), n_devices)

    @model_validator(mode="after")
    def _one_value_each(self) -> "CooperativeScenario":
        for key in (*PER_DEVICE, EFFICIENCY):
            values = getattr(self, key)
            if values is not None and values.shape != (self.n_devices,):
                raise ValueError(
                    f"{key} must hold one value for each of the {self.n_devices} devices of "
                    f"n_devices; got shape {values.shape}"
                )
        for key in PER_BLOCK:
            values = getattr(self, key)
            if values.ndim != 1 or values.size != self.n_blocks:
                raise ValueError(
                    f"{key} must hold one value for each block, as backward_flop_per_sample does; "
                    f"got shape {values.shape}"
                )
            if np.any(np.diff(values) < 0):
                raise ValueError(
                    f"{key} must not fall with the depth, as a deeper block is reached through all "
                    f"above it; got {values.tolist()}"
                )
        return self

    @model_validator(mode="after")
    def _batches_have_a_range(self) -> "CooperativeScenario":
        if self.batch_size_limit < self.least_batch_size:
            raise ValueError(
                f"batch_size_limit must be at least least_batch_size, {self.least_batch_size}; got "
                f"{self.batch_size_limit}"
            )
        return self

    @model_validator(mode="after")
    def _there_is_a_sample_for_each(self) -> "CooperativeScenario":
        task = self.learning
        if task is not None and task.n_device_samples < self.n_devices:
            raise ValueError(
                "learning.n_device_samples must be at least one for each of "
                f"{self.n_devices} devices; got {task.n_device_samples}"
            )
        return self

    @property
    def n_blocks(self) -> int:
        """Number of blocks, N."""
        return self.backward_flop_per_sample.size
