"""Real training of partitioned edge learning: softmax regression, cut into blocks.

PABA-style: in every round each group of workers computes the gradient of its block of the
parameters on its own samples, at the same model, and all blocks are updated at once.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from edgegym.errors import InputError
from edgegym.learning.centralized import Samples, joined, minibatch_gradient
from edgegym.learning.datasets import pixel_statistics, prepare, share_among_devices, share_out
from edgegym.learning.devices import find_device, send_index
from edgegym.learning.learner import final_figures, measure
from edgegym.learning.minibatches import draw_index
from edgegym.learning.sources import find_data_dir, load_raw
from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.scenario.catalogue import DATASETS
from edgegym.scenario.learning_task import own_test_set
from edgegym.systems.partitioned.decision import PartitionedDecision
from edgegym.systems.partitioned.scenario import PartitionedScenario, PartitionedTask

#: Deviation of the initial weights: a guess among all classes, and no two seeds alike.
INITIAL_DEVIATION = 0.01


class PartitionedData(NamedTuple):
    """Who holds which samples; no two parts share one."""

    workers: tuple[Samples, ...]
    validation: Samples
    test: Samples

    def to(self, device: torch.device) -> "PartitionedData":
        """Move everything to a device."""
        workers = tuple(samples.to(device) for samples in self.workers)
        return PartitionedData(workers, self.validation.to(device), self.test.to(device))


class Snapshot(NamedTuple):
    """What training changes, and the seed of the mini-batches to come."""

    seed: int
    parameters: Tensor  # (W,)


@lru_cache(maxsize=4)
def load_partitioned_data(
    task: PartitionedTask, n_workers: int, data_dir: Path, device: torch.device
) -> PartitionedData:
    """Load the data set and share it out; the split is the same for every seed.

    Parameters
    ----------
    task : which data, and how many samples
    n_workers : K
    data_dir : folder that holds the data sets
    device : where the samples are kept

    Raises
    ------
    InputError
        If the data set is missing and cannot be had, or holds too few samples.
    """
    raw = load_raw(task.dataset, data_dir)
    sets = {task.dataset: raw.train} | ({own_test_set(task.dataset): raw.test} if raw.test else {})
    parts = [
        prepare(part, raw.pixel_statistics or pixel_statistics(raw.train.images), 0.0)
        for name, counts in task.draws().items()
        for part in share_out(sets[name], name, counts)
    ]
    workers = tuple(share_among_devices(parts[0], n_workers, None))
    return PartitionedData(workers, *parts[1:]).to(device)


def softmax_regression(dataset: str, seed: int) -> nn.Module:
    """Make softmax regression on a data set's pixels; its weights depend on the seed alone.

    Examples
    --------
    >>> network = softmax_regression("digits", seed=1)
    >>> sum(parameter.numel() for parameter in network.parameters())
    7850
    """
    inputs = DATASETS[dataset].inputs
    assert inputs is not None
    layer = nn.Linear(int(np.prod(inputs.shape)), inputs.n_classes)
    generator = keyed_generator(seed, Stream.WEIGHTS)
    weights = generator.standard_normal(sum(p.numel() for p in layer.parameters()))
    start = torch.from_numpy((INITIAL_DEVIATION * weights).astype(np.float32))
    vector_to_parameters(start, layer.parameters())
    return nn.Sequential(nn.Flatten(), layer)


class PartitionedLearner:
    """Softmax regression, its data and the seed that all its mini-batches come from.

    Without `data` the scenario's data set is loaded. A worker whose batch is as large as what it
    holds, or larger, uses all its samples, each once.

    Raises
    ------
    InputError
        If the scenario has no learning task, or the device is not there.
    """

    def __init__(
        self,
        scenario: PartitionedScenario,
        seed: int,
        device: str = "auto",
        data_dir: str | Path | None = None,
        data: PartitionedData | None = None,
    ) -> None:
        task = scenario.learning
        if task is None:
            raise InputError(
                f"learning must be given in scenario {scenario.name!r} for real training; got "
                "none. Add a [learning] table."
            )
        self.device = find_device(device)
        self.scenario = scenario
        self.data = (
            load_partitioned_data(task, scenario.n_workers, find_data_dir(data_dir), self.device)
            if data is None
            else data.to(self.device)
        )
        self.network = softmax_regression(task.dataset, seed).to(self.device)
        self.seed = seed

    def snapshot(self) -> Snapshot:
        """Copy what training changes."""
        parameters = parameters_to_vector(self.network.parameters()).detach().clone()
        return Snapshot(self.seed, parameters)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot, which may be restored again."""
        self.seed = snapshot.seed
        # The layers become views of the vector; a round gives them another one.
        vector_to_parameters(snapshot.parameters, self.network.parameters())

    def run_round(self, stage: int, round_index: int, decision: PartitionedDecision) -> float:
        """Run the round that a decision asks for and return its loss."""
        return self.train(round_index, decision.block_size)

    def train(self, round_index: int, block_size: Array) -> float:
        """Run one round: every group its block, all blocks at once.

        Parameters
        ----------
        round_index : rounds done before
        block_size : (N,) parameters of each group, in the order of the parameter vector; a group
            without a block takes no part

        Returns
        -------
        The loss over the samples of the groups that took part, before the step
        """
        parameters = parameters_to_vector(self.network.parameters()).detach().clone()
        update = torch.zeros_like(parameters)
        ends = np.cumsum(block_size)
        losses, sizes = [], []
        for group, (end, size) in enumerate(zip(ends, block_size, strict=True)):
            if not size:
                continue
            batch = self._group_batch(round_index, group)
            loss, gradient = minibatch_gradient(self.network, batch)
            block = slice(int(end - size), int(end))
            update[block] = parameters_to_vector(gradient)[block]
            losses.append(loss)
            sizes.append(len(batch))
        parameters -= self.scenario.learning_rate * update
        vector_to_parameters(parameters, self.network.parameters())
        weights = torch.tensor(sizes, dtype=torch.float64) / sum(sizes)
        return float(torch.stack(losses).cpu().double() @ weights)

    def _group_batch(self, round_index: int, group: int) -> Samples:
        """Put together the mini-batches of a group's workers."""
        parts = []
        for worker in np.flatnonzero(self.scenario.group == group).tolist():
            samples, size = self.data.workers[worker], int(self.scenario.worker_batch_size[worker])
            if size < len(samples):
                drawn = draw_index(
                    self.seed, Stream.FINETUNE_BATCH, round_index, worker, len(samples), size
                )
                samples = samples.take(send_index(drawn, self.device))
            parts.append(samples)
        return joined(parts)

    def validation(self) -> tuple[float, float]:
        """Measure loss and accuracy on the validation samples."""
        return measure(self.network, self.data.validation)

    def report(self) -> dict[str, float]:
        """Measure the final figures: the training loss over all workers, and the test set's."""
        return final_figures(partial(measure, self.network), self.data.workers, self.data.test)
