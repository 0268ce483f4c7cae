"""Real training of cooperative fine-tuning: every block's gradient from its own device's samples.

DEFT-style: all gradients are computed at the same model, each on the mini-batch of the device that
has the block, and all blocks are updated at once.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from edgegym.errors import InputError
from edgegym.learning.blocks import blocks_of
from edgegym.learning.centralized import descend, minibatch_gradient, sgd_round, trainable
from edgegym.learning.datasets import TaskData, as_task_data, load_task_data
from edgegym.learning.devices import find_device, send_index
from edgegym.learning.learner import CPU_CHUNK, final_figures, measure, network_for
from edgegym.learning.minibatches import draw_index, draw_round
from edgegym.learning.networks import place_network
from edgegym.learning.sources import find_data_dir
from edgegym.learning.trainable import changing
from edgegym.physics.draws import Stream
from edgegym.scenario.catalogue import Network, find_network
from edgegym.systems.cooperative.costs import taken
from edgegym.systems.cooperative.decision import CooperativeDecision
from edgegym.systems.cooperative.scenario import CooperativeScenario, CooperativeTask


class Snapshot(NamedTuple):
    """What training changes, and the seed of the mini-batches to come."""

    seed: int
    weights: dict[str, Tensor]


class CooperativeLearner:
    """A network in blocks, its data and the seed that all its mini-batches come from.

    The network is pre-trained on the server's samples before the first round, for as many rounds
    as the scenario says; that costs nothing, as it was done once and for all.

    Parameters
    ----------
    scenario : what is trained how
    seed : of weights and mini-batches
    device : "auto", "cpu", "cuda" or "cuda:N"
    data_dir : where the data sets lie
    data : in place of the scenario's data sets, see `edgegym.learning.learner.Learner`
    network : in place of the scenario's: a module, which is copied with its weights, or a factory;
        a module is pre-trained already

    Raises
    ------
    InputError
        If the scenario has no learning task, its network other blocks, or data cannot be had.
    """

    def __init__(
        self,
        scenario: CooperativeScenario,
        seed: int,
        device: str = "auto",
        data_dir: str | Path | None = None,
        data: Any = None,
        network: Any = None,
    ) -> None:
        task = scenario.learning
        if task is None:
            raise InputError(
                f"learning must be given in scenario {scenario.name!r} for real training; got "
                "none. Add a [learning] table."
            )
        folder = find_data_dir(data_dir)
        self.scenario, self.seed = scenario, seed
        self.device = find_device(device)
        self.data = (
            load_task_data(task, scenario.n_devices, folder, self.device)
            if data is None
            else self.share_data(data, scenario).to(self.device)
        )
        made = network_for(self.data, task, seed, folder, network)
        self.network = place_network(made, task.network, self.device)
        self.blocks = blocks_of(self.network)
        if len(self.blocks) != scenario.n_blocks:
            raise InputError(
                f"learning.network must have the {scenario.n_blocks} blocks of scenario "
                f"{scenario.name!r}; got {len(self.blocks)} of {type(made).__name__}. Count its "
                "costs again: edgegym scenario new --system cooperative."
            )
        if isinstance(network, nn.Module):
            return
        if data is None and network is None:
            key = task, scenario.n_devices, folder, seed, self.device, find_network(task.network)
            weights = _pretrained(*key)
        else:
            weights = pretrain(self.network, self.data, task, seed)
        self.network.load_state_dict(weights)

    @staticmethod
    def share_data(data: Any, scenario: CooperativeScenario) -> TaskData:
        """Share out data that are given in place of a scenario's data sets, once for many uses."""
        assert scenario.learning is not None
        return as_task_data(data, scenario.learning, scenario.n_devices)

    def snapshot(self) -> Snapshot:
        """Copy what training changes."""
        weights = {name: value.clone() for name, value in changing(self.network).items()}
        return Snapshot(self.seed, weights)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot, which may be restored again."""
        self.seed = snapshot.seed
        self.network.load_state_dict(snapshot.weights, strict=False)

    def run_round(self, stage: int, round_index: int, decision: CooperativeDecision) -> float:
        """Run the round that a decision asks for.

        Returns
        -------
        The loss over the samples of the devices that took part, before the step
        """
        block_device = np.asarray(decision.block_device, dtype=int)
        sizes = taken(self.scenario, block_device, decision.batch_size).batch_size
        gradient: dict[int, list[Tensor]] = {}
        losses, weights = [], []
        for k in np.unique(block_device).tolist():
            own = np.flatnonzero(block_device == k).tolist()
            held = self.data.places[1 + k]
            size = int(sizes[k])
            drawn = draw_index(self.seed, Stream.FINETUNE_BATCH, round_index, k, len(held), size)
            batch = self.data.pool.take(send_index(held.start + drawn, self.device))
            parameters = [p for block in own for p in self.blocks[block]]
            loss, found = minibatch_gradient(self.network, batch, None, parameters)
            parts = iter(found)
            gradient |= {block: [next(parts) for _ in self.blocks[block]] for block in own}
            losses.append(loss)
            weights.append(size)
        for block, values in gradient.items():
            descend(self.blocks[block], values, self.scenario.learning_rate)
        return float(np.average(torch.stack(losses).cpu().double().numpy(), weights=weights))

    def validation(self) -> tuple[float, float]:
        """Measure loss and accuracy on the validation samples."""
        return measure(self.network, self.data.validation)

    def report(self) -> dict[str, float]:
        """Measure the final figures: the training loss over all devices, and the test set's."""
        return final_figures(partial(measure, self.network), self.data.devices, self.data.test)


@lru_cache(maxsize=8)
def _pretrained(
    task: CooperativeTask,
    n_devices: int,
    data_dir: Path,
    seed: int,
    device: torch.device,
    known: Network,  # one that is registered anew under its name is another
) -> dict[str, Tensor]:
    """Pre-train the network of a scenario, once for all episodes of a seed."""
    data = load_task_data(task, n_devices, data_dir, device)
    made = network_for(data, task, seed, data_dir)
    return pretrain(place_network(made, task.network, device), data, task, seed)


def pretrain(
    network: nn.Module, data: TaskData, task: CooperativeTask, seed: int
) -> dict[str, Tensor]:
    """Train all that is trained on the server's samples, and give the weights.

    Parameters
    ----------
    network : is trained in place
    data : who holds what
    task : how many rounds of which batch, at the learning rate of the pre-training
    seed : of the mini-batches
    """
    parameters = trainable(network)
    for index in range(task.n_pretrain_rounds):
        (places,) = draw_round(data, seed, False, index, [task.pretrain_batch_size])
        batch = data.pool.take(send_index(places, data.pool.labels.device))
        sgd_round(network, batch, task.pretrain_learning_rate, CPU_CHUNK, parameters)
    return {name: value.clone() for name, value in network.state_dict().items()}
