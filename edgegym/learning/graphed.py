"""Rounds as CUDA graphs: what a GPU is told to do in a round, recorded once and replayed.

A small network's round is some dozens of launches, and each takes the host longer than the GPU.
Recorded, they are one. A graph's shapes are fixed, so a mini-batch is filled up to the next power
of two with its own first sample, and what fills it weighs nothing.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgegym.learning.centralized import Samples, trainable

#: Samples that a graph takes at least and at most; its memory stays allocated.
LEAST, MOST = 8, 4096


class GraphedRounds:
    """The rounds of a network without batch statistics, whose parameters stay where they are.

    On a CPU, where nothing waits for launches, the same steps are made without a graph.

    Parameters
    ----------
    network : is trained in place
    pool : the samples that rounds draw from

    Examples
    --------
    >>> from edgegym.learning.centralized import sgd_round
    >>> from edgegym.learning.making import make_network
    >>> pool = Samples(torch.ones(5, 1, 28, 28), torch.tensor([3, 1, 4, 1, 5]))
    >>> graphed, places = GraphedRounds(make_network("lenet", seed=1), pool), np.array([0, 2])
    >>> loss, batch = graphed.sgd_round(places, 0.1), pool.take(torch.from_numpy(places))
    >>> round(loss, 4) == round(sgd_round(make_network("lenet", seed=1), batch, 0.1), 4)
    True
    """

    def __init__(self, network: nn.Module, pool: Samples) -> None:
        self.network, self.pool = network, pool
        self._parameters = trainable(network)
        self._on_gpu = pool.images.device.type == "cuda"
        self._memory = torch.cuda.graph_pool_handle() if self._on_gpu else None
        self._rounds: dict[int, tuple[Tensor, Callable[[], Tensor]]] = {}

    def sgd_round(self, places: NDArray[np.int64], learning_rate: float) -> float:
        """Run one round, (2) and (3) or (7) to (9), on the samples at some places of the pool.

        Parameters
        ----------
        places : (n,), at most `MOST`
        learning_rate : γ

        Returns
        -------
        The loss over the mini-batch before the step
        """
        n = len(places)
        size = max(LEAST, 1 << (n - 1).bit_length())
        if size not in self._rounds:
            self._rounds[size] = self._record(size)
        told, run = self._rounds[size]
        told[:n] = torch.from_numpy(places)
        told[n:size] = int(places[0])
        told[size:].view(torch.float64)[:] = torch.tensor([n, learning_rate])
        return run().item()

    def _record(self, size: int) -> tuple[Tensor, Callable[[], Tensor]]:
        """Record the round of so many samples: where the host tells it what, and what runs it."""
        told = torch.zeros(size + 2, dtype=torch.int64, pin_memory=self._on_gpu)
        heard = told.to(self.pool.images.device) if self._on_gpu else told
        index, numbers = heard[:size], heard[size:].view(torch.float64)
        numbers[:] = 1.0

        def step() -> Tensor:
            loss, gradient = self._gradient(index, n_samples=numbers[0])
            with torch.no_grad():
                rate = numbers[1].float()
                torch._foreach_sub_(self._parameters, torch._foreach_mul(gradient, rate))
            return loss

        if not self._on_gpu:
            return told, step
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(heard.device):
            torch.cuda.synchronize()
            with torch.cuda.stream(torch.cuda.Stream()):
                for _ in range(3):  # what is done once only, on a stream's first run, is no part
                    self._gradient(index, n_samples=numbers[0])
            torch.cuda.synchronize()
            with torch.cuda.graph(graph, pool=self._memory):
                loss = step()

        def replay() -> Tensor:
            heard.copy_(told, non_blocking=True)
            graph.replay()
            return loss

        return told, replay

    def _gradient(self, index: Tensor, n_samples: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Give loss and gradient, (2) or (7) and (8), over the first samples of an index."""
        batch = self.pool.take(index)
        losses = cross_entropy(self.network(batch.images), batch.labels, reduction="none")
        is_drawn = torch.arange(len(index), device=index.device) < n_samples
        loss = (losses * is_drawn).sum() / n_samples.float()
        return loss.detach(), torch.autograd.grad(loss, self._parameters)
