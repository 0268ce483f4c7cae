"""Fine-tuning rounds of a federation that is not the paper's: local steps, updates, a server."""

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgegym.learning.centralized import trainable
from edgegym.learning.compression import largest, quantised
from edgegym.learning.federated import aggregate
from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.scenario.federation import Federation
from edgegym.systems.two_stage.participation import arrivals, participants
from edgegym.systems.two_stage.scenario import Scenario

#: Adam's second decay rate and what keeps it from dividing by nothing, by Reddi et al.; the first
#: rate is the federation's `server_momentum`.
ADAM_DECAY, ADAM_FLOOR = 0.99, 1e-3

Places = NDArray[np.int64]


class FederationState(NamedTuple):
    """What is carried from round to round beside the model."""

    optimizer: dict[str, object]
    unsent: dict[int, Tensor]  # by device


class FederatedRounds:
    """The rounds of one network, and what devices and server remember of them.

    Parameters
    ----------
    scenario : its federation and its learning rate
    network : is trained in place
    step : takes one step of SGD on the samples at some places with a learning rate, and gives the
        loss before it
    """

    def __init__(
        self, scenario: Scenario, network: nn.Module, step: Callable[[Places, float], float]
    ) -> None:
        self.scenario, self.federation, self.step = scenario, scenario.federation, step
        self.parameters = [p.detach() for p in trainable(network)]
        self.statistics = [b for b in network.buffers() if b.is_floating_point()]
        self.model = nn.Parameter(self._weights())  # the server's, between the rounds' steps
        self.optimizer = _optimizer(self.federation, self.model)
        self.unsent: dict[int, Tensor] = {}

    def snapshot(self) -> FederationState:
        """Copy what is carried from round to round."""
        return FederationState(copy.deepcopy(self.optimizer.state_dict()), dict(self.unsent))

    def restore(self, snapshot: FederationState) -> None:
        """Go on from a snapshot, which may be restored again."""
        self.optimizer.load_state_dict(copy.deepcopy(snapshot.optimizer))
        self.unsent = dict(snapshot.unsent)

    def n_drawn(self, seed: int, round_index: int, batch_sizes: Array) -> Array:
        """Say how many samples each device draws in a round, none where it takes no part."""
        here = participants(self.scenario, seed, round_index)
        return np.where(here, self.federation.n_local_steps * batch_sizes, 0)

    def run(self, seed: int, round_index: int, drawn: Sequence[Places]) -> float:
        """Run a round: every participant's steps from the same model, then the server's.

        w_k ← w_k − γ·(∇L̃_k(w_k) + μ·(w_k − w)), several times, then w along Σ_k B̃_k/B̃_tot·(w_k − w)

        Parameters
        ----------
        seed, round_index : of the draws
        drawn : for each device the samples of all its steps, none where it takes no part

        Returns
        -------
        The loss over the participants' first mini-batches, before any step
        """
        rate = self.scenario.learning_rate * self.federation.learning_rate_decay**round_index
        start, start_statistics = self._weights(), _copies(self.statistics)
        arrives = arrivals(self.scenario, seed, round_index)
        here = [k for k, places in enumerate(drawn) if len(places)]
        losses, changes, ends = list[float](), list[list[Tensor]](), list[list[Tensor]]()
        for k in here:
            losses.append(self._train(drawn[k], start, rate))
            rng = keyed_generator(seed, Stream.COMPRESSION, round_index, k)
            update = self._sent(k, self._weights() - start, bool(arrives[k]), rng)
            if arrives[k]:
                changes.append([update])
                ends.append(_copies(self.statistics))
            self._put(start)
            _put(self.statistics, start_statistics)
        sizes = [len(drawn[k]) for k in here]
        if received := [len(drawn[k]) for k in here if arrives[k]]:
            self._serve(start, aggregate(changes, received)[0])
            if self.statistics:
                _put(self.statistics, aggregate(ends, received))
        return float(np.average(losses, weights=sizes))

    def _train(self, places: Places, start: Tensor, rate: float) -> float:
        """Take a device's local steps from where all start, and give the loss before the first."""
        pull = rate * self.federation.proximal_weight
        losses = []
        for part in np.split(places, self.federation.n_local_steps):
            # The gradient of the proximal term is taken where that of the loss is, before the step.
            back = (start - self._weights()).mul_(pull) if pull else None
            losses.append(self.step(part, rate))
            if back is not None:
                self._put(self._weights().add_(back))
        return losses[0]

    def _sent(self, k: int, update: Tensor, arrives: bool, rng: np.random.Generator) -> Tensor:
        """Compress an update; what a sparse one leaves out is added to the device's next one.

        So is all of one that is lost.
        """
        if self.federation.compression == "none":
            return update
        if self.federation.compression == "int8":
            return quantised(update, rng)
        if k in self.unsent:
            update = update + self.unsent[k]
        sent = largest(update, self.federation.n_sent(len(update)))
        self.unsent[k] = update - sent if arrives else update
        return sent

    def _serve(self, start: Tensor, change: Tensor) -> None:
        """Step along the mean change, as if it were a gradient that points the other way."""
        with torch.no_grad():
            self.model.copy_(start)
        self.model.grad = -change
        self.optimizer.step()
        self._put(self.model.detach())

    def _weights(self) -> Tensor:
        """Copy all weights into one vector."""
        return torch.cat([p.reshape(-1) for p in self.parameters])

    def _put(self, weights: Tensor) -> None:
        parts = weights.split([p.numel() for p in self.parameters])
        _put(
            self.parameters, [w.view(p.shape) for w, p in zip(parts, self.parameters, strict=True)]
        )


def _optimizer(federation: Federation, model: nn.Parameter) -> torch.optim.Optimizer:
    rate, momentum = federation.server_learning_rate, federation.server_momentum
    if federation.server_optimizer == "adam":
        betas = momentum, ADAM_DECAY
        return torch.optim.Adam([model], lr=rate, betas=betas, eps=ADAM_FLOOR)
    is_heavy = federation.server_optimizer == "momentum"
    return torch.optim.SGD([model], lr=rate, momentum=momentum if is_heavy else 0.0)


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.clone() for tensor in tensors]


def _put(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
