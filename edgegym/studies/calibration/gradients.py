"""The gradient of an expected loss: that over a whole data set, as one vector."""

import torch
from torch import Tensor, nn

from edgegym.learning.centralized import Samples, minibatch_gradient
from edgegym.learning.learner import CPU_CHUNK


def full_gradient(network: nn.Module, samples: Samples) -> tuple[float, Tensor]:
    """Loss over samples and its gradient, ∇L(w, 𝒟), flat; networks with batch statistics judge.

    Examples
    --------
    >>> model = nn.Linear(1, 2, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> loss, gradient = full_gradient(model, Samples(torch.ones(4, 1), torch.tensor([0] * 4)))
    >>> round(loss, 4), gradient.tolist()
    (0.6931, [-0.5, 0.5])
    """
    was_training = network.training
    network.eval()
    loss, gradient = minibatch_gradient(network, samples, CPU_CHUNK)
    network.train(was_training)
    return float(loss), flat(gradient)


def flat(tensors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    """Put tensors into one vector."""
    return torch.cat([tensor.flatten() for tensor in tensors])
