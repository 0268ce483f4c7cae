"""Many networks of one architecture trained at once: stacked parameters, masked batches."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from edgegym.errors import InputError
from edgegym.learning.datasets import load_task_data
from edgegym.learning.devices import find_device, send_index
from edgegym.learning.learner import network_for
from edgegym.learning.making import make_network
from edgegym.learning.minibatches import draw_round
from edgegym.learning.networks import compute_in_bfloat16, has_batch_statistics
from edgegym.learning.sources import find_data_dir
from edgegym.physics import Array
from edgegym.scenario.catalogue import find_network
from edgegym.systems.two_stage.scenario import Scenario

#: Samples of all copies that pass at once; 80 kB each for LeNet. Small passes pad less, large ones
#: keep a device busy. The fastest of seven on a CPU; 4,096 to 65,536 are level on an H200, which
#: waits for the host: from here on one pass takes what 64 copies of `digits` usually draw.
SAMPLES_AT_ONCE = {"cpu": 256, "cuda": 16384}

INSTEAD = "Train many with gym.make_vec(..., vectorization_mode='sync') or 'async'."


class StackedRound(NamedTuple):
    """A round that one copy is to run."""

    copy: int
    finetuning: bool
    round_index: int
    batch_sizes: Sequence[int] | Array  # the server's alone, or one for each device


class StackedLearner:
    """C networks and the seeds that their mini-batches come from.

    Each is the network of `Learner` with the same seed, to the rounding of its sums: with float32
    a batch that is padded sums in another order. A step of all copies costs the host one copy to
    the device, of the samples' indices, and one back, of the losses.

    Raises
    ------
    InputError
        If the network has batch statistics, which padding would falsify, the federation is not the
        paper's, or as for `Learner`.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> from edgegym.learning.learner import Learner
    >>> stacked = StackedLearner(load_scenario("digits"), n_copies=2, device="cpu")
    >>> stacked.begin([0, 1], seeds=[5, 6])
    >>> losses = stacked.train(
    ...     [StackedRound(0, False, 0, [8]), StackedRound(1, True, 0, [3, 1, 2])]
    ... )
    >>> alone = Learner(load_scenario("digits"), seed=5, device="cpu").pretrain(0, 8)
    >>> round(losses[0], 4) == round(alone, 4)
    True
    """

    def __init__(
        self,
        scenario: Scenario,
        n_copies: int,
        device: str = "auto",
        data_dir: str | Path | None = None,
    ) -> None:
        self._task = task = scenario.learning
        scenario.federation.require_papers("to be trained stacked", INSTEAD)
        self._data_dir = find_data_dir(data_dir)
        self.device = find_device(device)
        self.learning_rate = scenario.learning_rate
        if find_network(task.network).shape:  # refused before its data are looked for
            named = make_network(task.network, seed=0, data_dir=self._data_dir)
            _require_no_batch_statistics(named, task.network)
        self._data = load_task_data(task, scenario.n_devices, self._data_dir, self.device)
        self._network = self._make(seed=0)  # the architecture alone
        _require_no_batch_statistics(self._network, task.network)
        if task.precision == "bfloat16":
            compute_in_bfloat16(self._network, self.device)
        self.seeds = [0] * n_copies
        self.parameters = {
            name: torch.zeros(n_copies, *value.shape, device=self.device)
            for name, value in self._network.named_parameters()
        }
        self._is_trained = {name: p.requires_grad for name, p in self._network.named_parameters()}

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Begin with untrained networks in some copies."""
        fresh, _ = stack_module_state([self._make(seed) for seed in seeds])
        rows = torch.tensor(copies, device=self.device)
        for name, values in fresh.items():
            self.parameters[name].index_copy_(0, rows, values.detach().to(self.device))
        for copy, seed in zip(copies, seeds, strict=True):
            self.seeds[copy] = seed

    def train(self, rounds: Sequence[StackedRound]) -> dict[int, float]:
        """Run one round, (2)-(3) or (7)-(9), in some copies; the others stay untouched.

        Returns
        -------
        The loss of each copy over its mini-batches before the step
        """
        table = self._draw(rounds)
        moved = send_index(table, self.device)
        copies, sizes, index = moved[:, 0], moved[:, 1:2], moved[:, 2:]
        is_sample = torch.arange(index.shape[1], device=self.device) < sizes
        parameters = {
            name: stack[copies].requires_grad_(self._is_trained[name])
            for name, stack in self.parameters.items()
        }
        losses = torch.zeros(len(rounds), device=self.device)
        for n_rows, columns in _passes(table[:, 1], SAMPLES_AT_ONCE[self.device.type]):
            batch = self._data.pool.take(index[:n_rows, columns])
            part = {name: value[:n_rows] for name, value in parameters.items()}
            logits = vmap(self._forward)(part, batch.images)
            counted = is_sample[:n_rows, columns] * _sample_losses(logits, batch.labels)
            loss = counted.sum(dim=1) / sizes[:n_rows, 0]  # a sum can overflow, as in `Learner`
            # Each copy's loss depends on its own parameters alone: so do the gradients of the sum.
            loss.sum().backward()
            losses[:n_rows] += loss.detach()
        with torch.no_grad():
            for name, value in parameters.items():
                if value.grad is None:  # it is frozen
                    continue
                after = torch.add(value, value.grad, alpha=-self.learning_rate)
                self.parameters[name].index_copy_(0, copies, after)
        return dict(zip(table[:, 0].tolist(), losses.tolist(), strict=True))

    def validation(self, copies: Sequence[int]) -> tuple[list[float], list[float]]:
        """Measure loss and accuracy of some copies on the target domain's validation samples."""
        rows = torch.tensor(copies, device=self.device)
        totals = torch.zeros(2, len(copies), dtype=torch.float64, device=self.device)
        with torch.no_grad():
            parameters = {name: stack[rows] for name, stack in self.parameters.items()}
            chunk = max(1, SAMPLES_AT_ONCE[self.device.type] // len(copies))
            for part in self._data.validation.split(chunk):
                logits = vmap(self._forward, in_dims=(0, None))(parameters, part.images)
                labels = part.labels.expand(len(copies), -1)
                totals[0] += _sample_losses(logits, labels).sum(dim=1)
                totals[1] += (logits.argmax(dim=2) == labels).sum(dim=1)
        loss, accuracy = (totals / len(self._data.validation)).tolist()
        return loss, accuracy

    def _draw(self, rounds: Sequence[StackedRound]) -> NDArray[np.int64]:
        """Write for each round its copy, its samples' number and their places in the pool.

        The largest batch comes first. A shorter row is filled up with its own first sample, which
        is finite where the batch is: a weight of zero then leaves nothing of it.
        """
        batches = [(one.copy, np.concatenate(self._draw_round(one))) for one in rounds]
        batches.sort(key=lambda batch: -len(batch[1]))
        table = np.empty((len(batches), 2 + len(batches[0][1])), dtype=np.int64)
        for row, (copy, index) in zip(table, batches, strict=True):
            row[:2] = copy, len(index)
            row[2 : 2 + len(index)], row[2 + len(index) :] = index, index[0]
        return table

    def _draw_round(self, one: StackedRound) -> list[NDArray[np.int64]]:
        """Draw what `Learner` with the copy's seed draws."""
        return draw_round(self._data, self.seeds[one.copy], *one[1:])

    def _make(self, seed: int) -> nn.Module:
        return network_for(self._data, self._task, seed, self._data_dir)

    def _forward(self, parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        return functional_call(self._network, parameters, (images,))


def _require_no_batch_statistics(network: nn.Module, name: str) -> None:
    if has_batch_statistics(network):
        raise InputError(
            "learning.network must have no batch statistics to be trained stacked; got "
            f"{name!r}. {INSTEAD}"
        )


def _passes(sizes: NDArray[np.int64], n_at_once: int) -> Iterator[tuple[int, slice]]:
    """Cut a table of batches, the largest first, into passes of so many samples.

    A pass takes some columns of the first rows, those that reach so far: little is padding.

    Examples
    --------
    >>> list(_passes(np.array([5, 2, 2]), n_at_once=6))
    [(3, slice(0, 2, None)), (1, slice(2, 5, None))]
    """
    start = 0
    while start < sizes[0]:
        n_rows = int((sizes > start).sum())
        stop = min(start + max(1, n_at_once // n_rows), int(sizes[0]))
        yield n_rows, slice(start, stop)
        start = stop


def _sample_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the loss of each sample, (C, B), from logits (C, B, classes) and labels (C, B)."""
    losses = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape)
