"""What is trained on which data: the networks, the data sets, and what goes together."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from edgegym.scenario.fields import Count, Finite, Positive

NetworkName = Literal["lenet", "googlenet"]
DatasetName = Literal["digits", "mnist", "cifar10", "cinic10"]


class Images(NamedTuple):
    """What a network takes, or a data set holds: square images with a label."""

    n_channels: int
    side_px: int
    n_classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image as the networks take it, channels first."""
        return self.n_channels, self.side_px, self.side_px

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} pixels in {self.n_classes} classes"


class Dataset(NamedTuple):
    """How much a data set holds, of which images."""

    images: Images
    n_samples: int
    n_test_samples: int | None  # of a test set of its own; None where it has none


GREY, COLOUR = Images(1, 28, 10), Images(3, 32, 10)

NETWORK_INPUTS: dict[str, Images] = {"lenet": GREY, "googlenet": COLOUR}
DATASETS: dict[str, Dataset] = {
    "digits": Dataset(GREY, 1797, None),
    "mnist": Dataset(GREY, 60_000, 10_000),
    "cifar10": Dataset(COLOUR, 50_000, 10_000),
    "cinic10": Dataset(COLOUR, 70_000, None),  # the part for training, without CIFAR-10's 20,000
}


class LearningTask(BaseModel):
    """What is trained on which data: the part of a scenario that only real training needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkName
    precision: Literal["float32", "bfloat16"] = "float32"  # of the passes; weights are float32
    pretrain_dataset: DatasetName
    finetune_dataset: DatasetName
    finetune_rotation_deg: Finite = 0.0
    n_server_samples: Count
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

    def draws(self) -> dict[str, dict[str, int]]:
        """Say how many samples are drawn of which set: server's, devices', validation, test.

        A test set of its own is another set.

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> for name, counts in load_scenario("cinic10-cifar10").learning.draws().items():
        ...     print(name, counts)
        cinic10 {'n_server_samples': 70000}
        cifar10 {'n_device_samples': 49000, 'n_validation_samples': 1000}
        cifar10 (test) {'n_test_samples': 10000}
        """
        target = self.finetune_dataset
        tested_on = target if DATASETS[target].n_test_samples is None else own_test_set(target)
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
    def _network_takes_the_images(self) -> "LearningTask":
        source, target = self.pretrain_dataset, self.finetune_dataset
        images, others = DATASETS[source].images, DATASETS[target].images
        if others != images:
            raise ValueError(
                f"learning.finetune_dataset must hold images like those of {source}, {images}; "
                f"got {target}, {others}"
            )
        if NETWORK_INPUTS[self.network] != images:
            fitting = [name for name, taken in NETWORK_INPUTS.items() if taken == images]
            raise ValueError(
                f"learning.network must be {' or '.join(fitting)} for {source}, {images}; "
                f"got {self.network}, which takes {NETWORK_INPUTS[self.network]}"
            )
        return self

    @model_validator(mode="after")
    def _data_sets_hold_enough(self) -> "LearningTask":
        sizes: dict[str, int] = {}
        for name, dataset in DATASETS.items():
            sizes |= {name: dataset.n_samples, own_test_set(name): dataset.n_test_samples or 0}
        for name, counts in self.draws().items():
            require_enough(sizes[name], name, counts)
        return self


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
