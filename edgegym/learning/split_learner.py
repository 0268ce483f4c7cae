"""Real training of split fine-tuning: lower halves on the devices, the upper one in the cloud.

Parallel split learning, SFT-style; how several devices share a cloud is our guess, as the authors
have one. Every device has a lower half of its own and trains it on its own samples; the cloud has
one upper half and trains it on what all devices send. After every `averaging_interval` rounds the
lower halves are averaged. All are trained with AdamW, each side by an optimiser of its own.
"""

import copy
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgegym.errors import InputError
from edgegym.learning.datasets import load_task_data
from edgegym.learning.device_accuracy import served
from edgegym.learning.devices import find_device, send_index
from edgegym.learning.learner import final_figures, measure
from edgegym.learning.minibatches import draw_round
from edgegym.learning.sources import find_data_dir
from edgegym.learning.split_network import (
    Logits,
    Recipe,
    Whole,
    average,
    halves_of,
    masks_of,
    pretrained,
)
from edgegym.systems.split.decision import SplitDecision
from edgegym.systems.split.scenario import SplitScenario


class Snapshot(NamedTuple):
    """What training changes, and the seed of the mini-batches to come."""

    seed: int
    at: tuple[int, int, bool] | None  # layer, rank, whether the residual is kept
    sides: list[Any]  # of the devices, then the cloud: weights and the optimiser's state


class SplitLearner:
    """A network in two halves, its data and the seed that all its mini-batches come from.

    Raises
    ------
    InputError
        If the scenario has no learning task, the device is not there, or data cannot be had.
    """

    def __init__(
        self,
        scenario: SplitScenario,
        seed: int,
        device: str = "auto",
        data_dir: str | Path | None = None,
    ) -> None:
        if scenario.learning is None:
            raise InputError(
                f"learning must be given in scenario {scenario.name!r} for real training; got "
                "none. Add a [learning] table."
            )
        self.scenario, self.task = scenario, scenario.learning
        self.folder = find_data_dir(data_dir)
        self.recipe = Recipe(*(getattr(scenario, key) for key in Recipe._fields))
        self.device = find_device(device)
        self.data = load_task_data(self.task, scenario.n_devices, self.folder, self.device)
        self._begin(seed)

    def _begin(self, seed: int) -> None:
        self.seed = seed
        self.at: tuple[int, int, bool] | None = None
        self.network = pretrained(self.task, self.recipe, seed, self.data, self.folder)
        self.fronts: list[nn.Module] = []
        self.back: nn.Module = self.network
        self.optimisers: list[torch.optim.AdamW | None] = []

    def split_at(self, layer: int, rank: int, keep_residual: bool = False) -> None:
        """Split the network as it is now, and hand every device a copy of the lower half."""
        self.at = layer, rank, keep_residual
        n_layers = self.scenario.n_layers
        front, self.back = halves_of(self.network, layer, rank, keep_residual, n_layers)
        self.fronts = [copy.deepcopy(front) for _ in range(self.scenario.n_devices)]
        self.optimisers = [self.recipe.adamw(side) for side in self._sides]

    @property
    def start_accuracy(self) -> float:
        """Accuracy of the network before it is split, on the validation samples."""
        return measure(Logits(self.network), self.data.validation)[1]

    @property
    def _sides(self) -> list[nn.Module]:
        return [*self.fronts, self.back]

    def snapshot(self) -> Snapshot:
        """Copy what training changes."""
        sides = [
            copy.deepcopy((side.state_dict(), optimiser and optimiser.state_dict()))
            for side, optimiser in zip(self._sides, self.optimisers, strict=False)
        ]
        return Snapshot(self.seed, self.at, sides)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot, which may be restored again."""
        self._begin(snapshot.seed)
        if snapshot.at is None:
            return
        self.split_at(*snapshot.at)
        for side, optimiser, (weights, moments) in zip(
            self._sides, self.optimisers, snapshot.sides, strict=True
        ):
            side.load_state_dict(weights)
            if optimiser:
                optimiser.load_state_dict(copy.deepcopy(moments))

    def run_round(self, stage: int, round_index: int, decision: SplitDecision) -> float:
        """Run the round that a decision asks for; the first one says where to split."""
        if self.at is None:
            self.split_at(int(decision.layer), int(decision.rank))
        return self.train(round_index, int(decision.batch_size))

    def train(self, round_index: int, batch_size: int) -> float:
        """Run one round with so many samples of each device.

        Returns
        -------
        The loss over the samples of all devices, before the step
        """
        n_devices = self.scenario.n_devices
        places = draw_round(self.data, self.seed, True, round_index, [batch_size] * n_devices)
        batches = [self.data.pool.take(send_index(place, self.device)) for place in places]
        for optimiser in filter(None, self.optimisers):
            optimiser.zero_grad()
        crossed = [
            front(batch.images, **masks_of(batch.images))
            for front, batch in zip(self.fronts, batches, strict=True)
        ]
        samples, labels = (
            torch.cat([getattr(batch, key) for batch in batches]) for key in ("images", "labels")
        )
        received = torch.cat([values.detach() for values in crossed])
        received.requires_grad_(received.is_floating_point())
        loss = cross_entropy(self.back(received, **masks_of(samples)), labels)
        loss.backward()
        if received.grad is not None:
            self._return(crossed, received.grad.split(batch_size))
        for optimiser in filter(None, self.optimisers):
            optimiser.step()
        if (round_index + 1) % self.scenario.averaging_interval == 0:
            average(self.fronts, self.fronts)
        return loss.item()

    def _return(self, crossed: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Send every device the gradient of what it sent."""
        for values, gradient in zip(crossed, gradients, strict=True):
            if values.requires_grad:
                values.backward(gradient)

    @property
    def whole(self) -> nn.Module:
        """The network that is judged."""
        if not self.fronts:
            return Logits(self.network)
        mean = copy.deepcopy(self.fronts[0])
        average(self.fronts, [mean])
        return Whole(mean, self.back)

    def validation(self) -> tuple[float, float]:
        """Measure loss and accuracy on the validation samples."""
        return measure(self.whole, self.data.validation)

    def report(self) -> dict[str, Any]:
        """Measure the final figures: the training loss over all devices, and the test set's."""
        judge = partial(measure, self.whole)
        figures = final_figures(judge, self.data.devices, self.data.test)
        return figures | served(judge, self.data.devices, self.data.test)
