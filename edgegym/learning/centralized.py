"""Centralised SGD on the server, equations (1)-(3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Samples:
    """Images and labels: the data set 𝒟 of the server, ℬ_k of a device, or a mini-batch."""

    images: Tensor  # (n, channels, height, width)
    labels: Tensor  # (n,)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> "Samples":
        """Pick samples, with repetition if an index repeats."""
        return Samples(self.images[index], self.labels[index])

    def split(self, sizes: int | list[int]) -> list["Samples"]:
        """Cut into parts of a size, the last one smaller, or of the listed sizes."""
        parts = zip(self.images.split(sizes), self.labels.split(sizes), strict=True)
        return [Samples(*part) for part in parts]

    def to(self, device: torch.device) -> "Samples":
        """Move to a device."""
        return Samples(self.images.to(device), self.labels.to(device))


def joined(parts: Sequence[Samples]) -> Samples:
    """Put samples together, in their order."""
    return Samples(
        torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts])
    )


def expected_loss(network: nn.Module, samples: Samples, chunk: int) -> tuple[float, float]:
    """Loss over a whole data set, (1) and (4), and the share that is classified right.

    L(w, 𝒟) = E_{d~𝒫}[l(w, d)]

    Parameters
    ----------
    network : the model w
    samples : the data set
    chunk : samples to pass at once

    Returns
    -------
    Mean cross-entropy in nats, and accuracy in [0, 1]
    """
    was_training = network.training
    network.eval()
    # Summed where the samples are: the host waits once for a GPU, not once a chunk.
    totals = torch.zeros(2, dtype=torch.float64, device=samples.images.device)
    with torch.inference_mode():
        for part in samples.split(chunk):
            logits = network(part.images)
            totals[0] += cross_entropy(logits, part.labels, reduction="sum")
            totals[1] += (logits.argmax(dim=1) == part.labels).sum()
    network.train(was_training)
    loss, right = totals.tolist()
    return loss / len(samples), right / len(samples)


def trainable(network: nn.Module) -> list[Tensor]:
    """List the parameters that are trained; the walk takes a while, so it is made once."""
    return [p for p in network.parameters() if p.requires_grad]


def minibatch_gradient(
    network: nn.Module,
    batch: Samples,
    chunk: int | None = None,
    parameters: list[Tensor] | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Loss over a mini-batch, (2), and its gradient, (7) on a device.

    L̃(w, 𝒟̃) = 1/D̃ · Σ l(w, d)

    Parameters
    ----------
    network : the model w
    batch : the mini-batch 𝒟̃
    chunk : samples to pass at once; smaller parts stay in a processor's cache, and their sum is
        the same gradient unless the network has batch statistics
    parameters : those that are trained, None to list them

    Returns
    -------
    The loss, and one gradient for each parameter

    Examples
    --------
    >>> model = nn.Linear(1, 2, bias=False)
    >>> _ = nn.init.zeros_(model.weight)
    >>> batch = Samples(torch.ones(4, 1), torch.zeros(4, dtype=torch.int64))
    >>> loss, (gradient,) = minibatch_gradient(model, batch)
    >>> round(loss.item(), 4), gradient.tolist()
    (0.6931, [[-0.5], [0.5]])
    """
    parameters = trainable(network) if parameters is None else parameters
    first, *others = batch.split(chunk) if chunk and chunk < len(batch) else [batch]
    loss, gradient = _share(network, first, parameters, len(batch))
    for part in others:
        more, summand = _share(network, part, parameters, len(batch))
        loss, gradient = loss + more, list(torch._foreach_add(gradient, summand))
    return loss, gradient


def _share(
    network: nn.Module, part: Samples, parameters: list[Tensor], n_samples: int
) -> tuple[Tensor, list[Tensor]]:
    """Give a part's summand of a mini-batch's mean loss, and of its gradient."""
    loss = cross_entropy(network(part.images), part.labels, reduction="sum") / n_samples
    return loss.detach(), list(torch.autograd.grad(loss, parameters))


def descend(parameters: Sequence[Tensor], gradient: Sequence[Tensor], learning_rate: float) -> None:
    """Take one step against a gradient, (3) and (9).

    w ← w − γ · ∇L
    """
    with torch.no_grad():
        torch._foreach_add_(list(parameters), list(gradient), alpha=-learning_rate)


def sgd_round(
    network: nn.Module,
    batch: Samples,
    learning_rate: float,
    chunk: int | None = None,
    parameters: list[Tensor] | None = None,
) -> float:
    """Run one pre-training round, (2) and (3); arguments as for `minibatch_gradient`.

    Returns
    -------
    The loss over the mini-batch before the step
    """
    parameters = trainable(network) if parameters is None else parameters
    loss, gradient = minibatch_gradient(network, batch, chunk, parameters)
    descend(parameters, gradient, learning_rate)
    return loss.item()
