"""Scenario of partitioned edge learning: every constant, frozen, checked, in SI units."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from edgegym.scenario.base import BaseScenario
from edgegym.scenario.catalogue import DATASETS
from edgegym.scenario.fields import (
    Count,
    CountArray,
    NonNegativeArray,
    Positive,
    RealArray,
    repeated,
)
from edgegym.scenario.learning_task import own_test_set, require_enough

#: One value for each worker; in a file a single number stands for equal ones.
PER_WORKER = (
    "uplink_gain",
    "downlink_gain",
    "worker_tx_power_w",
    "worker_noise_psd_w_per_hz",
    "worker_batch_size",
    "worker_clock_hz",
    "worker_flop_per_cycle",
    "worker_overhead_s",
    "worker_pue",
    "worker_power_coefficient_w_per_hz3",
)
#: The same, where it is given at all.
EFFICIENCIES = ("uplink_efficiency_bps_per_hz", "downlink_efficiency_bps_per_hz")

#: Parameters of softmax regression on 28x28 pixels in ten classes.
SOFTMAX_PARAMETERS = 28 * 28 * 10 + 10


class PartitionedTask(BaseModel):
    """What is trained on which data; the model is softmax regression on the pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Literal["digits", "mnist"]
    n_worker_samples: Count  # of all workers, dealt out evenly
    n_validation_samples: Count
    n_test_samples: Count
    validation_interval: Count  # rounds after which the validation samples are looked at

    @property
    def network(self) -> str:
        """What is trained."""
        return "softmax-regression"

    @property
    def data(self) -> str:
        """Which data set."""
        return self.dataset

    @property
    def in_words(self) -> str:
        """What is trained on what."""
        return f"softmax regression on {self.dataset}"

    def draws(self) -> dict[str, dict[str, int]]:
        """Say how many samples are drawn of which set; a test set of its own is another set."""
        own = DATASETS[self.dataset].n_test_samples is not None
        holders = {
            "n_worker_samples": self.dataset,
            "n_validation_samples": self.dataset,
            "n_test_samples": own_test_set(self.dataset) if own else self.dataset,
        }
        draws: dict[str, dict[str, int]] = {}
        for key, holder in holders.items():
            draws.setdefault(holder, {})[key] = getattr(self, key)
        return draws

    @model_validator(mode="after")
    def _data_sets_hold_enough(self) -> "PartitionedTask":
        held = DATASETS[self.dataset]
        sizes = {self.dataset: held.n_samples, own_test_set(self.dataset): held.n_test_samples}
        for name, counts in self.draws().items():
            require_enough(sizes[name] or 0, name, counts)
        return self


class PartitionedScenario(BaseScenario):
    """Groups of workers, their radio and processors, and what limits an episode.

    Per-worker values have shape (K,), the workers of the first group first; in a file a single
    number stands for K equal ones. With a `common` share a worker has the same share of both
    bands, as where one band is used for both directions in turn; with `separate` shares it has one
    of each. Where no spectral efficiency is given, the rates are Shannon's: a worker puts its
    whole power into its share of the uplink, the server spreads its power evenly over the
    downlink.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("partitioned-digits").replace(delay_budget_s=50.0)
    >>> scenario.n_groups, scenario.n_workers, scenario.delay_budget_s
    (5, 10, 50.0)
    """

    energy_budget_j: Positive | None = None
    max_rounds: Count
    n_parameters: Count
    bits_per_parameter: Positive
    workers_per_group: CountArray
    # radio
    bandwidth_sharing: Literal["common", "separate"]
    channel_mode: Literal["fixed", "per-episode", "per-round"]
    mean_path_gain: Positive
    uplink_gain: RealArray
    downlink_gain: RealArray
    uplink_bandwidth_hz: Positive
    downlink_bandwidth_hz: Positive
    uplink_efficiency_bps_per_hz: RealArray | None = None
    downlink_efficiency_bps_per_hz: RealArray | None = None
    server_noise_psd_w_per_hz: Positive
    worker_noise_psd_w_per_hz: RealArray
    server_tx_power_w: Positive
    worker_tx_power_w: RealArray
    # processors
    flop_per_parameter_and_sample: Positive
    worker_batch_size: CountArray
    worker_clock_hz: RealArray
    worker_flop_per_cycle: RealArray
    worker_overhead_s: NonNegativeArray
    worker_pue: RealArray
    worker_power_coefficient_w_per_hz3: RealArray
    # learning
    learning_rate: Positive
    learning: PartitionedTask | None = None

    @model_validator(mode="before")
    @classmethod
    def _repeat_numbers_per_worker(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        try:
            n_workers = int(np.sum(data.get("workers_per_group", 0)))
        except (TypeError, ValueError, OverflowError):
            return data
        return repeated(data, (*PER_WORKER, *EFFICIENCIES), n_workers)

    @model_validator(mode="after")
    def _one_value_per_worker(self) -> "PartitionedScenario":
        if self.workers_per_group.ndim != 1:
            raise ValueError(
                "workers_per_group must be a list of one count for each group; got shape "
                f"{self.workers_per_group.shape}"
            )
        for key in (*PER_WORKER, *EFFICIENCIES):
            values = getattr(self, key)
            if values is not None and values.shape != (self.n_workers,):
                raise ValueError(
                    f"{key} must hold one value for each of the {self.n_workers} workers in "
                    f"workers_per_group; got shape {values.shape}"
                )
        return self

    @model_validator(mode="after")
    def _learning_fits(self) -> "PartitionedScenario":
        if self.learning is None:
            return self
        if self.n_parameters != SOFTMAX_PARAMETERS:
            raise ValueError(
                f"n_parameters must be {SOFTMAX_PARAMETERS}, those of softmax regression on 28x28 "
                f"pixels, where learning is given; got {self.n_parameters}"
            )
        if self.learning.n_worker_samples < self.n_workers:
            raise ValueError(
                f"learning.n_worker_samples must be at least one for each of {self.n_workers} "
                f"workers; got {self.learning.n_worker_samples}"
            )
        return self

    @property
    def n_groups(self) -> int:
        """Number of groups, N."""
        return self.workers_per_group.size

    @property
    def n_workers(self) -> int:
        """Number of workers of all groups, K."""
        return int(self.workers_per_group.sum())

    @property
    def n_devices(self) -> int:
        """The workers, as other systems call them."""
        return self.n_workers

    @property
    def group(self) -> NDArray[np.intp]:
        """Index of every worker's group, shape (K,).

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> load_scenario("partitioned-digits").group
        array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
        """
        return np.repeat(np.arange(self.n_groups), self.workers_per_group)
