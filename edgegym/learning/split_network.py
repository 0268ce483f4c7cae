"""The network of split fine-tuning: trained whole on the server, taken apart and put together."""

import copy
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgegym.learning.datasets import TaskData
from edgegym.learning.devices import send_index
from edgegym.learning.learner import network_for
from edgegym.learning.minibatches import draw_index
from edgegym.learning.splitting import Halves, split
from edgegym.physics.draws import Stream
from edgegym.scenario.learning_task import LearningTask


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


class Logits(nn.Module):
    """A network whose output are its logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor, **_: Tensor) -> Tensor:
        """Give the logits alone."""
        return logits_of(self.network, samples)


class Nothing(nn.Identity):
    """The side of a network that is not there."""

    def forward(self, input: Tensor, **_: Tensor) -> Tensor:
        """Pass on what comes."""
        return input


def halves_of(network: nn.Module, layer: int, rank: int, keep_residual: bool, n: int) -> Halves:
    """Split a copy of a network of n layers; 0 is all in the cloud, n + 1 all on the edge."""
    if layer == 0:
        return Halves(Nothing(), Logits(copy.deepcopy(network)))
    if layer > n:
        return Halves(Logits(copy.deepcopy(network)), Nothing())
    return split(network, layer, rank or None, keep_residual=keep_residual)


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
