"""The learner: one network on its way through both stages, round by round."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from edgegym.learning.centralized import Samples, expected_loss, sgd_round, trainable
from edgegym.learning.datasets import TaskData, as_task_data, load_task_data
from edgegym.learning.device_accuracy import served
from edgegym.learning.devices import find_device, send_index
from edgegym.learning.federated import fedsgd_round
from edgegym.learning.federation import FederatedRounds, FederationState
from edgegym.learning.graphed import MOST, GraphedRounds
from edgegym.learning.lenet_rounds import LeNetRounds
from edgegym.learning.making import make_by, make_network, try_out
from edgegym.learning.minibatches import draw_round
from edgegym.learning.networks import (
    LeNet,
    compute_in_bfloat16,
    has_batch_statistics,
    place_network,
)
from edgegym.learning.sources import find_data_dir
from edgegym.learning.trainable import changing, restrict
from edgegym.physics import Array
from edgegym.scenario.catalogue import find_network
from edgegym.scenario.learning_task import LearningTask
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.scenario import Scenario

#: Samples that autograd passes at once on a CPU: their activations fit its cache.
CPU_CHUNK = 64
GPU_CHUNK = 4096


def network_for(
    data: TaskData, task: LearningTask, seed: int, data_dir: Path, given: Any = None
) -> nn.Module:
    """Make the network that is trained on some data, by its name or as it is given, and try it."""
    name, shape, n_classes = task.network, data.sample_shape, data.n_classes
    if given is None:
        network = make_network(name, seed, shape, n_classes, data_dir)
    elif isinstance(given, nn.Module):
        name, network = type(given).__name__, copy.deepcopy(given)
    else:
        name = getattr(given, "__name__", repr(given))
        network = make_by(given, name, seed, shape, n_classes)
    if given is not None or find_network(name).shape != shape:
        try_out(network, name, data.pool.images[:2].cpu(), n_classes)
    return restrict(network, task.trainable, seed)


class LearnerState(NamedTuple):
    """What training changes, and the seed of the mini-batches to come."""

    seed: int
    weights: dict[str, Tensor]  # and running statistics
    federation: FederationState | None


class Learner:
    """A network, its data and the seed that all its mini-batches come from.

    All data stay on the device; a round then sends it the samples' places, and waits for it once,
    for the loss.

    Parameters
    ----------
    scenario : what is trained how
    seed : of weights and mini-batches
    device : "auto", "cpu", "cuda" or "cuda:N"
    data_dir : where the data sets lie
    data : in place of the scenario's data sets: `TaskData`, or what a loader gives, see
        `edgegym.register_dataset`, which is shared out with the scenario's counts
    network : in place of the scenario's: a module, which is copied with its weights, or a factory,
        see `edgegym.register_network`

    Raises
    ------
    InputError
        If the device is not there, data cannot be had, or the network does not take them.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        device: str = "auto",
        data_dir: str | Path | None = None,
        data: Any = None,
        network: Any = None,
    ) -> None:
        task = scenario.learning
        folder = find_data_dir(data_dir)
        self.device = find_device(device)
        self.learning_rate = scenario.learning_rate
        self.data = (
            load_task_data(task, scenario.n_devices, folder, self.device)
            if data is None
            else self.share_data(data, scenario).to(self.device)
        )
        made = network_for(self.data, task, seed, folder, network)
        self.network = place_network(made, task.network, self.device)
        self.precision = task.precision
        if task.precision == "bfloat16":
            compute_in_bfloat16(self.network, self.device)
        self._parameters = trainable(self.network)
        self.batch_statistics = has_batch_statistics(self.network)
        is_whole = all(p.requires_grad for p in self.network.parameters())
        is_plain = type(self.network) is LeNet and is_whole and task.precision == "float32"
        is_on_cpu = self.device.type == "cpu"
        self.by_hand = LeNetRounds(self.network) if is_plain and is_on_cpu else None
        self.graphed = (
            GraphedRounds(self.network, self.data.pool) if is_plain and not is_on_cpu else None
        )
        self.seed = seed
        self.federation = (
            FederatedRounds(scenario, self.network, self.descend)
            if scenario.federation.departures
            else None
        )

    @staticmethod
    def share_data(data: Any, scenario: Scenario) -> TaskData:
        """Share out data that are given in place of a scenario's data sets, once for many uses."""
        return as_task_data(data, scenario.learning, scenario.n_devices)

    def snapshot(self) -> LearnerState:
        """Copy what training changes; data, architecture and frozen weights stay out."""
        weights = {name: value.clone() for name, value in changing(self.network).items()}
        carried = self.federation.snapshot() if self.federation else None
        return LearnerState(self.seed, weights, carried)

    def restore(self, snapshot: LearnerState) -> None:
        """Go on from a snapshot, which may be restored again."""
        self.seed = snapshot.seed
        self.network.load_state_dict(snapshot.weights, strict=False)
        if self.federation and snapshot.federation:
            self.federation.restore(snapshot.federation)

    def run_round(self, stage: int, round_index: int, decision: Decision) -> float:
        """Run a round of either stage and return its loss."""
        if stage == Stage.PRETRAIN:
            return self.pretrain(round_index, int(decision.server_batch_size))
        return self.finetune(round_index, decision.finetune_batch_size)

    def pretrain(self, round_index: int, batch_size: int) -> float:
        """Run one pre-training round on the server, (2)-(3), and return its loss."""
        (places,) = draw_round(self.data, self.seed, False, round_index, [batch_size])
        return self.descend(places, self.learning_rate)

    def finetune(self, round_index: int, batch_sizes: Array) -> float:
        """Run one fine-tuning round on the devices, (7)-(9), and return its loss.

        Where the scenario's federation is another, it is run device by device as that says.

        The weights of (8) make the aggregate the gradient over the union of the mini-batches, so
        that the round is one of SGD on them all. With batch statistics it would not be.
        """
        if self.federation:
            batch_sizes = self.federation.n_drawn(self.seed, round_index, batch_sizes)
        parts = draw_round(self.data, self.seed, True, round_index, batch_sizes)
        if self.federation:
            return self.federation.run(self.seed, round_index, parts)
        union = np.concatenate(parts)
        if not self.batch_statistics:
            return self.descend(union, self.learning_rate)
        index = send_index(union, self.device).split([len(part) for part in parts])
        batches = [self.data.pool.take(part) for part in index]
        return fedsgd_round(self.network, batches, self.learning_rate)

    def descend(self, places: NDArray[np.int64], learning_rate: float) -> float:
        """Take one step against the gradient over the samples at some places of the pool.

        Returns
        -------
        The loss over these samples before the step
        """
        if self.graphed and len(places) <= MOST:
            return self.graphed.sgd_round(places, learning_rate)
        index = send_index(places, self.device)
        if self.by_hand:
            return self.by_hand.sgd_round(self.data.pool, index, learning_rate)
        # A gradient is the sum of its chunks' unless they would share their statistics.
        chunk = CPU_CHUNK if self.device.type == "cpu" and not self.batch_statistics else None
        batch = self.data.pool.take(index)
        return sgd_round(self.network, batch, learning_rate, chunk, self._parameters)

    def measure(self, samples: Samples) -> tuple[float, float]:
        """Measure loss and accuracy on some samples."""
        if self.by_hand:
            return self.by_hand.expected_loss(samples)
        return measure(self.network, samples)

    def validation(self) -> tuple[float, float]:
        """Measure loss and accuracy on the target domain's validation samples."""
        return self.measure(self.data.validation)

    def report(self) -> dict[str, Any]:
        """Measure the final figures: the training loss (5) over all devices, and the test set's."""
        devices, test = self.data.devices, self.data.test
        figures = final_figures(self.measure, devices, test)
        return figures | served(self.measure, devices, test)


def measure(network: nn.Module, samples: Samples) -> tuple[float, float]:
    """Measure the loss over samples, where they are, and the share that is classified right."""
    is_on_gpu = samples.images.device.type == "cuda"
    return expected_loss(network, samples, GPU_CHUNK if is_on_gpu else CPU_CHUNK)


def final_figures(
    measure: Callable[[Samples], tuple[float, float]], holders: Sequence[Samples], test: Samples
) -> dict[str, float]:
    """Measure the training loss, each holder's counting alike, and loss and accuracy of a test."""
    test_loss, test_accuracy = measure(test)
    return {
        "train_loss": float(np.mean([measure(samples)[0] for samples in holders])),
        "test_loss": test_loss,
        "test_accuracy": test_accuracy,
    }
