"""What is trained on which data: the networks, the data sets, and what goes together."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from edgegym.scenario.catalogue import NETWORKS, Inputs, find_dataset, find_network
from edgegym.scenario.fields import Count, Finite, Fraction, Positive


class LearningTask(BaseModel):
    """What is trained on which data: the part of a scenario that only real training needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    trainable: str = "all"  # "head", or "lora:R" with the rank of low-rank updates
    precision: Literal["float32", "bfloat16"] = "float32"  # of the passes; weights are float32
    pretrain_dataset: str
    finetune_dataset: str
    finetune_rotation_deg: Finite = 0.0
    n_server_samples: Count
    missing_label_share: Fraction = 0.0  # of the server's, of the upper half of the labels
    n_device_samples: Count
    dirichlet_concentration: Positive | None = None  # None deals them out evenly
    device_sample_counts: tuple[Count, ...] | None = None  # or so many to each device
    n_validation_samples: Count
    n_test_samples: Count
    validation_interval: Count

    @property
    def data(self) -> str:
        """Which data sets, from the first stage to the second."""
        return f"{self.pretrain_dataset} -> {self.finetune_dataset}"

    @property
    def in_words(self) -> str:
        """What is trained on what."""
        angle = self.finetune_rotation_deg
        turned = f" turned by {angle:g}°" if angle else ""
        return f"{self.network} on {self.pretrain_dataset}, then {self.finetune_dataset}{turned}"

    def draws(self, *, has_own_test_set: bool) -> dict[str, dict[str, int]]:
        """Say how many samples are drawn of which set: server's, devices', validation, test.

        Parameters
        ----------
        has_own_test_set : whether the devices' data set has one, which then is another set

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> task = load_scenario("cinic10-cifar10").learning
        >>> for name, counts in task.draws(has_own_test_set=True).items():
        ...     print(name, counts)
        cinic10 {'n_server_samples': 70000}
        cifar10 {'n_device_samples': 49000, 'n_validation_samples': 1000}
        cifar10 (test) {'n_test_samples': 10000}
        """
        target = self.finetune_dataset
        tested_on = own_test_set(target) if has_own_test_set else target
        holders = {
            "n_server_samples": self.pretrain_dataset,
            "n_device_samples": target,
            "n_validation_samples": target,
            "n_test_samples": tested_on,
        }
        draws: dict[str, dict[str, int]] = {}
        for key, holder in holders.items():
            draws.setdefault(holder, {})[key] = getattr(self, key)
        return draws

    @field_validator("network")
    @classmethod
    def _network_is_known(cls, name: str) -> str:
        find_network(name)
        return name

    @field_validator("trainable")
    @classmethod
    def _parameters_can_be_chosen(cls, what: str) -> str:
        if not re.fullmatch(r"all|head|lora:[1-9]\d*", what):
            raise ValueError(
                "learning.trainable must be all, head, or lora:R with a rank R of at least 1; got "
                f"{what!r}"
            )
        return what

    @field_validator("pretrain_dataset", "finetune_dataset")
    @classmethod
    def _data_set_is_known(cls, name: str) -> str:
        find_dataset(name)
        return name

    @model_validator(mode="after")
    def _samples_are_dealt_in_one_way(self) -> "LearningTask":
        counts = self.device_sample_counts
        if counts is None:
            return self
        if self.dirichlet_concentration is not None:
            raise ValueError(
                "learning.device_sample_counts must stand without "
                "learning.dirichlet_concentration, which draws them; got both"
            )
        if sum(counts) > self.n_device_samples:
            raise ValueError(
                f"learning.device_sample_counts must be at most {self.n_device_samples} together, "
                f"learning.n_device_samples; got {sum(counts)}"
            )
        return self

    @model_validator(mode="after")
    def _network_takes_the_samples(self) -> "LearningTask":
        """Compare what is known of ours; what people bring is tried before it is trained."""
        source, target = self.pretrain_dataset, self.finetune_dataset
        held, others = find_dataset(source).inputs, find_dataset(target).inputs
        if held and others:
            require_alike(source, held, target, others)
        for name, inputs in ((source, held), (target, others)):
            taken = find_network(self.network).shape
            if inputs and taken and taken != inputs.shape:
                fitting = [
                    name for name, one in NETWORKS.items() if one.shape in (None, inputs.shape)
                ]
                raise ValueError(
                    f"learning.network must be {' or '.join(fitting)} for {name}, {inputs}; got "
                    f"{self.network}, which takes {'x'.join(map(str, taken))}"
                )
        return self

    @model_validator(mode="after")
    def _data_sets_hold_enough(self) -> "LearningTask":
        sizes: dict[str, int | None] = {}
        for name in (self.pretrain_dataset, self.finetune_dataset):
            dataset = find_dataset(name)
            sizes |= {name: dataset.n_samples, own_test_set(name): dataset.n_test_samples}
        has_own = find_dataset(self.finetune_dataset).n_test_samples is not None
        for name, counts in self.draws(has_own_test_set=has_own).items():
            if (n_held := sizes[name]) is not None:
                require_enough(n_held, name, counts)
        return self


def require_alike(source: str, held: Inputs, target: str, others: Inputs) -> None:
    """Refuse two data sets that no network could be trained on one after the other.

    Raises
    ------
    ValueError
        Naming both and what they hold.
    """
    if others != held:
        raise ValueError(
            f"learning.finetune_dataset must hold samples like those of {source}, {held}; "
            f"got {target}, {others}"
        )


def own_test_set(dataset: str) -> str:
    """Name the test set that a data set has of its own."""
    return f"{dataset} (test)"


def require_enough(n_held: int, name: str, counts: dict[str, int]) -> None:
    """Refuse to draw more samples of a set than it holds.

    Raises
    ------
    ValueError
        Naming the keys whose samples are too many.

    Examples
    --------
    >>> require_enough(100, "digits", {"n_test_samples": 200})
    Traceback (most recent call last):
    ValueError: learning.n_test_samples must be at most 100, all that digits holds; got 200
    """
    if sum(counts.values()) > n_held:
        keys = " + ".join(f"learning.{key}" for key in counts)
        together = " together" if len(counts) > 1 else ""
        raise ValueError(
            f"{keys} must be at most {n_held}{together}, all that {name} holds; got "
            f"{' + '.join(map(str, counts.values()))}"
        )
