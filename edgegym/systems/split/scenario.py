"""Scenario of split fine-tuning: every constant, frozen, checked, in SI units."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from edgegym.scenario.base import BaseScenario
from edgegym.scenario.fields import (
    Count,
    CountArray,
    NonNegative,
    Positive,
    Probability,
    RealArray,
    repeated,
)
from edgegym.scenario.learning_task import LearningTask

#: One value for each device; in a file a single number stands for equal ones.
PER_DEVICE = (
    "uplink_gain",
    "downlink_gain",
    "device_tx_power_w",
    "device_noise_psd_w_per_hz",
    "device_clock_hz",
    "device_flop_per_cycle",
    "device_memory_bytes",
    "device_pue",
    "device_power_coefficient_w_per_hz3",
)


class SplitScenario(BaseScenario):
    """A transformer, K devices and a cloud, their radio and processors, and what limits them.

    Per-device values have shape (K,); in a file a single number stands for K equal ones. The
    number of devices is that of `uplink_gain`.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("split-digits").replace(delay_budget_s=50.0)
    >>> scenario.n_layers, scenario.n_devices, scenario.delay_budget_s
    (4, 4, 50.0)
    """

    energy_budget_j: Positive | None = None
    max_rounds: Count
    # network
    n_layers: Count
    width: Count
    feedforward_width: Count
    sequence_length: Count
    norm_first: bool
    embedding_parameters: Count
    head_parameters: Count
    # what may be chosen
    split_layers: CountArray
    ranks: CountArray
    keep_samples: bool
    accuracy_law: str
    accuracy_floor: Probability
    # what is sent and kept
    bits_per_value: Positive
    sample_bits: Positive
    samples_per_device: Count
    averaging_interval: Count
    bytes_per_trained_parameter: Positive
    bytes_per_activation: Positive
    device_memory_bytes: RealArray
    # radio
    channel_mode: Literal["fixed", "per-episode", "per-round"]
    mean_path_gain: Positive
    uplink_gain: RealArray
    downlink_gain: RealArray
    uplink_bandwidth_hz: Positive
    downlink_bandwidth_hz: Positive
    server_noise_psd_w_per_hz: Positive
    device_noise_psd_w_per_hz: RealArray
    server_tx_power_w: Positive
    device_tx_power_w: RealArray
    # processors
    server_clock_hz: Positive
    server_flop_per_cycle: Positive
    server_pue: Positive
    server_power_coefficient_w_per_hz3: Positive
    device_clock_hz: RealArray
    device_flop_per_cycle: RealArray
    device_pue: RealArray
    device_power_coefficient_w_per_hz3: RealArray
    # learning
    least_batch_size: Count  # for which the accuracy law was measured
    batch_size: Count
    batch_size_limit: Count
    learning_rate: Positive
    weight_decay: NonNegative
    pretrain_steps: Annotated[int, Field(ge=0)]
    pretrain_batch_size: Count
    learning: LearningTask | None = None

    @model_validator(mode="before")
    @classmethod
    def _repeat_numbers_per_device(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("uplink_gain"), list):
            return data
        return repeated(data, PER_DEVICE, len(data["uplink_gain"]))

    @model_validator(mode="after")
    def _one_value_per_device(self) -> "SplitScenario":
        for key in PER_DEVICE:
            values = getattr(self, key)
            if values.shape != (self.uplink_gain.size,) or not values.size:
                raise ValueError(
                    f"{key} must hold one value for each of the {self.uplink_gain.size} devices "
                    f"in uplink_gain; got shape {values.shape}"
                )
        return self

    @model_validator(mode="after")
    def _choices_are_there(self) -> "SplitScenario":
        limits = {"split_layers": self.n_layers, "ranks": self.width}
        for key, most in limits.items():
            values = getattr(self, key)
            if values.ndim != 1 or not values.size or np.any(np.diff(values) <= 0):
                raise ValueError(f"{key} must be a list that rises; got {values.tolist()}")
            if values[-1] > most:
                raise ValueError(f"{key} must be at most {most}; got {values[-1]}")
        if not self.least_batch_size <= self.batch_size <= self.batch_size_limit:
            raise ValueError(
                f"batch_size must lie between least_batch_size and batch_size_limit, "
                f"{self.least_batch_size} and {self.batch_size_limit}; got {self.batch_size}"
            )
        task = self.learning
        if task and task.n_device_samples // self.n_devices != self.samples_per_device:
            raise ValueError(
                f"samples_per_device must be {task.n_device_samples // self.n_devices}, "
                "learning.n_device_samples dealt out evenly; got "
                f"{self.samples_per_device}"
            )
        return self

    @property
    def n_devices(self) -> int:
        """Number of devices, K."""
        return self.uplink_gain.size

    @property
    def layer_options(self) -> list[int]:
        """What a network may be split at; 0 is all in the cloud, the last one all on the edge.

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> load_scenario("split-digits").layer_options
        [0, 1, 2, 3, 4, 5]
        """
        cloud = [] if self.keep_samples else [0]
        return [*cloud, *self.split_layers.tolist(), self.n_layers + 1]

    @property
    def rank_options(self) -> list[int]:
        """How many numbers of a token may cross; 0 is the whole hidden state.

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> load_scenario("split-digits").rank_options
        [0, 1, 2, 4, 8, 16]
        """
        return [0, *self.ranks.tolist()]

    def splits(self) -> list[tuple[int, int]]:
        """List every layer with every rank; without a split there is nothing of a rank."""
        return [
            (layer, rank)
            for layer in self.layer_options
            for rank in (self.rank_options if 0 < layer <= self.n_layers else [0])
        ]
