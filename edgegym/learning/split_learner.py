"""Real training of split fine-tuning: lower halves on the devices, the upper one in the cloud.

Parallel split learning, SFT-style; how several devices share a cloud is our guess, as the authors
have one. Every device has a lower half of its own and trains it on its own samples; the cloud has
one upper half and trains it on what all devices send. After every `averaging_interval` rounds the
lower halves are averaged. All are trained with AdamW, each side by an optimiser of its own.
"""

import copy
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgegym.errors import InputError
from edgegym.learning.datasets import TaskData, load_task_data
from edgegym.learning.device_accuracy import served
from edgegym.learning.devices import find_device, send_index
from edgegym.learning.learner import final_figures, measure, network_for
from edgegym.learning.minibatches import draw_index, draw_round
from edgegym.learning.sources import find_data_dir
from edgegym.learning.splitting import Halves, split
from edgegym.physics.draws import Stream
from edgegym.scenario.learning_task import LearningTask
from edgegym.systems.split.decision import SplitDecision
from edgegym.systems.split.scenario import SplitScenario


class Snapshot(NamedTuple):
    """What training changes, and the seed of the mini-batches to come."""

    seed: int
    at: tuple[int, int, bool] | None  # layer, rank, whether the residual is kept
    sides: list[Any]  # of the devices, then the cloud: weights and the optimiser's state


class Whole(nn.Module):
    """The network that is judged: the mean of the lower halves, and the upper one."""

    def __init__(self, front: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.front, self.back = front, back

    def forward(self, samples: Tensor) -> Tensor:
        """Give the logits; tokens of 0 are padding."""
        masks = masks_of(samples)
        logits: Tensor = self.back(self.front(samples, **masks), **masks)
        return logits


def masks_of(samples: Tensor) -> dict[str, Tensor]:
    """Give the attention mask of texts, which are numbers of tokens; images have none."""
    return {} if samples.is_floating_point() else {"attention_mask": (samples != 0).long()}


class Recipe(NamedTuple):
    """How both sides are trained, and before them the whole network on the server's samples."""

    learning_rate: float
    weight_decay: float
    pretrain_steps: int
    pretrain_batch_size: int

    def adamw(self, module: nn.Module) -> torch.optim.AdamW | None:
        """Make the optimiser of one side; None where it has nothing to train."""
        parameters = [p for p in module.parameters() if p.requires_grad]
        if not parameters:
            return None
        decay = self.weight_decay
        return torch.optim.AdamW(parameters, self.learning_rate, weight_decay=decay, fused=True)


@lru_cache(maxsize=16)
def pretrained(
    task: LearningTask, recipe: Recipe, seed: int, data: TaskData, data_dir: Path
) -> nn.Module:
    """Make the network and train it on the server's samples; whoever changes it copies it."""
    device = data.pool.images.device
    network = network_for(data, task, seed, data_dir).to(device)
    optimiser = recipe.adamw(network)
    assert optimiser is not None
    for step in range(recipe.pretrain_steps):
        places = draw_index(
            seed, Stream.PRETRAIN_BATCH, step, 0, len(data.server), recipe.pretrain_batch_size
        )
        batch = data.server.take(send_index(places, device))
        optimiser.zero_grad()
        cross_entropy(logits_of(network, batch.images), batch.labels).backward()
        optimiser.step()
    return network


def logits_of(network: nn.Module, samples: Tensor) -> Tensor:
    """Give the logits of a network, which Hugging Face's keep among other things."""
    found = network(samples, **masks_of(samples))
    logits: Tensor = found if isinstance(found, Tensor) else found.logits
    return logits


class _Logits(nn.Module):
    """A network whose output are its logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor, **_: Tensor) -> Tensor:
        return logits_of(self.network, samples)


class _Nothing(nn.Identity):
    """The side of a network that is not there."""

    def forward(self, input: Tensor, **_: Tensor) -> Tensor:
        return input


def halves_of(network: nn.Module, layer: int, rank: int, keep_residual: bool, n: int) -> Halves:
    """Split a copy of a network of n layers; 0 is all in the cloud, n + 1 all on the edge."""
    if layer == 0:
        return Halves(_Nothing(), _Logits(copy.deepcopy(network)))
    if layer > n:
        return Halves(_Logits(copy.deepcopy(network)), _Nothing())
    return split(network, layer, rank or None, keep_residual=keep_residual)


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
        return measure(_Logits(self.network), self.data.validation)[1]

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
            return _Logits(self.network)
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


def average(sources: Sequence[nn.Module], targets: Sequence[nn.Module]) -> None:
    """Write the mean of some modules' parameters into others; moments are left alone.

    Examples
    --------
    >>> one, two = nn.Linear(1, 1), nn.Linear(1, 1)
    >>> for value, layer in enumerate((one, two)):
    ...     _ = nn.init.constant_(layer.weight, value)
    >>> average([one, two], [one, two])
    >>> one.weight.item(), two.weight.item()
    (0.5, 0.5)
    """
    if len(sources) == 1 and sources[0] is targets[0]:
        return
    with torch.no_grad():
        for parameters in zip(
            *(module.parameters() for module in (*sources, *targets)), strict=True
        ):
            mean = torch.stack(parameters[: len(sources)]).mean(dim=0)
            for parameter in parameters[len(sources) :]:
                parameter.copy_(mean)
