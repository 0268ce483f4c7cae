"""FedSGD over the devices, which goes for the minimum (6) by (7)-(9)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgegym.learning.centralized import Samples, descend, minibatch_gradient, trainable


def aggregate(parts: Sequence[Sequence[Tensor]], batch_sizes: Sequence[int]) -> list[Tensor]:
    """Average what the devices send, weighted by batch size, (8).

    ∇L̄ = Σ_k B̃_k / B̃_tot · ∇L̃_k

    Parameters
    ----------
    parts : for each device one tensor per parameter
    batch_sizes : (K,) samples, B̃_k

    Examples
    --------
    >>> aggregate([[torch.tensor(0.0)], [torch.tensor(4.0)]], [1, 3])
    [tensor(3.)]
    """
    total = sum(batch_sizes)
    summed = torch._foreach_mul(list(parts[0]), batch_sizes[0] / total)
    for part, size in zip(parts[1:], batch_sizes[1:], strict=True):
        torch._foreach_add_(summed, list(part), alpha=size / total)
    return list(summed)


def fedsgd_round(
    network: nn.Module, batches: Sequence[Samples], learning_rate: float, chunk: int | None = None
) -> float:
    """Run one fine-tuning round device by device, (7)-(9).

    Each device starts from the same model and the same running statistics; the statistics it
    ends with are averaged with the weights of (8).

    Returns
    -------
    The loss over all mini-batches before the step
    """
    sizes, parameters = [len(batch) for batch in batches], trainable(network)
    # Floating buffers are the running means and variances; the count of batches may run on.
    statistics = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
    start = _copies(statistics)
    losses, gradients, ends = list[Tensor](), list[list[Tensor]](), list[list[Tensor]]()
    for batch in batches:
        if statistics:
            torch._foreach_copy_(statistics, start)
        loss, gradient = minibatch_gradient(network, batch, chunk, parameters)
        losses.append(loss)
        gradients.append(gradient)
        ends.append(_copies(statistics))
    if statistics:
        torch._foreach_copy_(statistics, aggregate(ends, sizes))
    descend(parameters, aggregate(gradients, sizes), learning_rate)
    return aggregate([[loss] for loss in losses], sizes)[0].item()


def _copies(tensors: list[Tensor]) -> list[Tensor]:
    """Copy tensors, on a GPU in one launch for all; a product with one is exact."""
    return list(torch._foreach_mul(tensors, 1)) if tensors else []
