"""Scenario: every constant of the two-stage system, frozen, checked, in SI units."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from edgegym.errors import whole_number
from edgegym.scenario.base import BaseScenario
from edgegym.scenario.federation import Federation
from edgegym.scenario.fields import (
    BITS,
    Count,
    CountArray,
    NonNegative,
    Positive,
    Probability,
    RealArray,
    Share,
    UpdateSize,
    repeated,
)
from edgegym.scenario.groups import PER_DEVICE, expand_groups
from edgegym.scenario.learning_task import LearningTask
from edgegym.systems.system import imported
from edgegym.systems.two_stage.intervals import ConstantIntervals

#: Shares of the limits below which no action and no plan asks for a clock or a power.
CLOCK_FLOOR = 1e-2
POWER_FLOOR = 1e-4


class Scenario(BaseScenario):
    """The system of Section II with the constants of Theorem 3.1, one name per paper letter.

    Per-device values have shape (K,); in a file a single number stands for K equal ones, and
    the list `uplink_gain` says how many devices there are, or the counts of `[[device_group]]`,
    tables of devices that are alike. A file may say `extends = "digits"`, a shipped scenario, and
    then holds only what differs. `edgegym scenario show` prints one with the source of every value.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("mnist").replace(delay_budget_s=800.0)
    >>> scenario.delay_budget_s, scenario.n_devices
    (800.0, 3)
    """

    # Algorithm 1 and (35a)-(35f), beside the name and the delay budget
    energy_budget_j: Positive
    max_pretrain_rounds: Count
    max_finetune_rounds: Count
    pretrain_batch_size_limit: Count
    finetune_batch_size_limit: CountArray
    server_clock_limit_hz: Positive
    device_clock_limit_hz: RealArray
    device_tx_power_peak_limit_w: RealArray
    device_tx_power_mean_limit_w: RealArray
    # what Figs. 4 and 5 hold while they sweep the other budget; None holds the scenario's own
    figure4_energy_budget_j: Positive | None = None
    figure5_delay_budget_s: Positive | None = None
    # (12)-(13), (19)-(20)
    channel_mode: Literal["fixed", "per-episode", "per-round"]
    mean_path_gain: Positive
    uplink_gain: RealArray
    downlink_gain: RealArray
    uplink_bandwidth_hz: RealArray
    downlink_bandwidth_hz: Positive
    server_noise_psd_w_per_hz: Positive
    device_noise_psd_w_per_hz: RealArray
    server_tx_power_w: Positive
    update_size_bits: UpdateSize  # or "float32" or "int8", of each parameter that is trained
    # (14)-(15), (17)-(18)
    flop_per_sample: Positive
    server_flop_per_cycle: Positive
    device_flop_per_cycle: RealArray
    server_pue: Positive
    device_pue: RealArray
    server_power_coefficient_w_per_hz3: Positive
    device_power_coefficient_w_per_hz3: RealArray
    static_power_w: NonNegative = 0.0  # of all machines together, while a round of a stage lasts
    # each device, each fine-tuning round; the environment's alone, planners count on none
    straggler_probability: Probability = 0.0
    straggler_clock_share: Share = 1.0
    # (34)
    learning_rate: Positive
    pretrain_smoothness: Positive
    finetune_smoothness: Positive
    pretrain_gradient_variance: NonNegative
    finetune_gradient_variance: NonNegative
    initial_loss_gap: Positive
    data_lipschitz: NonNegative
    distribution_distance: NonNegative
    # which bound is minimised, shown and rewarded: (34), or one of bound.py; calibrated constants
    # of "target" are μ, and what a hand-over adds to the loss where ρ̃W is not to be taken for it
    bound: Literal["paper", "tight", "target"] = "paper"
    pretrain_pl_constant: Positive | None = None
    hand_over_gap: NonNegative | None = None
    # of calibrated constants; a robust plan is for their worst case
    constant_intervals: ConstantIntervals = ConstantIntervals()

    learning: LearningTask
    federation: Federation = Federation()

    @model_validator(mode="before")
    @classmethod
    def _repeat_numbers_per_device(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not np.ndim(data.get("uplink_gain", 0)):
            return data
        return repeated(data, PER_DEVICE, len(data["uplink_gain"]))

    @model_validator(mode="after")
    def _one_value_per_device(self) -> "Scenario":
        for key in PER_DEVICE:
            shape = np.shape(getattr(self, key))
            if shape != (self.uplink_gain.size,):
                raise ValueError(
                    f"{key} must hold one value for each of the {self.uplink_gain.size} devices "
                    f"in uplink_gain; got shape {shape}"
                )
        return self

    @model_validator(mode="after")
    def _mean_power_can_be_played(self) -> "Scenario":
        least_w = POWER_FLOOR * self.device_tx_power_peak_limit_w
        mean_w = self.device_tx_power_mean_limit_w
        if np.any(below := mean_w < least_w):
            raise ValueError(
                f"device_tx_power_mean_limit_w must be at least {POWER_FLOOR:g} of "
                f"device_tx_power_peak_limit_w, the least power that can be asked for; got "
                f"{mean_w[below][0]:g} W where that is {least_w[below][0]:g} W"
            )
        return self

    @model_validator(mode="after")
    def _a_sample_for_each_device(self) -> "Scenario":
        if self.learning.n_device_samples < self.n_devices:
            raise ValueError(
                f"learning.n_device_samples must be at least one for each of {self.n_devices} "
                f"devices; got {self.learning.n_device_samples}"
            )
        return self

    @model_validator(mode="after")
    def _a_sample_count_for_each_device(self) -> "Scenario":
        counts = self.learning.device_sample_counts
        if counts is not None and len(counts) != self.n_devices:
            raise ValueError(
                f"learning.device_sample_counts must hold one count for each of the "
                f"{self.n_devices} devices in uplink_gain; got {len(counts)}"
            )
        return self

    @model_validator(mode="after")
    def _participants_are_devices(self) -> "Scenario":
        if (self.federation.n_participants or 1) > self.n_devices:
            raise ValueError(
                f"federation.n_participants must be at most {self.n_devices}, the number of "
                f"devices; got {self.federation.n_participants}"
            )
        return self

    @model_validator(mode="after")
    def _target_has_its_constant(self) -> "Scenario":
        if self.bound == "target" and self.pretrain_pl_constant is None:
            raise ValueError(
                "pretrain_pl_constant must be given for bound 'target'; got none. "
                "Run `edgegym calibrate`, which measures it"
            )
        return self

    @property
    def n_devices(self) -> int:
        """Number of devices, K."""
        return len(self.uplink_gain)

    @property
    def mean_participation(self) -> float | None:
        """Share of the fine-tuning rounds in which a device takes part; None where all do."""
        k = self.federation.n_participants
        return None if k is None else k / self.n_devices

    @property
    def device_flop_per_sample(self) -> float:
        """What a device computes in a round for each sample of a mini-batch."""
        return self.federation.n_local_steps * self.flop_per_sample

    @property
    def upload_size_bits(self) -> float:
        """What a device sends in a round."""
        return self.federation.upload_bits(self.update_bits)

    @cached_property
    def update_bits(self) -> float:
        """What the model takes, or as much of it as is trained, β, bits."""
        size = self.update_size_bits
        if not isinstance(size, str):
            return size
        # torch is loaded where it is asked for
        count_trained = imported("edgegym.learning.trainable:count_trained")
        return BITS[size] * count_trained(self.learning)

    def replace(self, **changes: Any) -> Self:
        """Make a checked copy with some values changed; a dotted key reaches into `learning`.

        `n_devices` makes a system of so many devices, which take the present ones' values in turn.

        Raises
        ------
        InputError
            If a key does not exist or a value is out of range.

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> small = load_scenario("mnist").replace(**{"learning.n_test_samples": 500})
        >>> small.learning.n_test_samples
        500
        """
        if "n_devices" in changes:
            k = whole_number("n_devices", changes.pop("n_devices"))
            repeated = {key: np.resize(getattr(self, key), k).tolist() for key in PER_DEVICE}
            changes = repeated | changes
        return super().replace(**changes)

    @classmethod
    def written_out(cls, data: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        """Write out the groups of devices."""
        return expand_groups(data, where)
