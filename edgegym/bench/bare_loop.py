"""The reference of `edgegym bench env` and `learning`: what a researcher writes by hand."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from edgegym.learning.centralized import Samples
from edgegym.learning.datasets import TaskData


def bare_rounds(
    network: nn.Module,
    data: TaskData,
    learning_rate: float,
    batch_sizes: list[int],
    validation_interval: int | None,
) -> Iterator[None]:
    """Run rounds without end: SGD for one batch size, FedSGD for one batch size per device.

    Parameters
    ----------
    network, data : what is trained on what
    learning_rate : of SGD
    batch_sizes : samples on the server, or on each device
    validation_interval : rounds between two looks at the validation loss, None for no look

    Yields
    ------
    None, after every round
    """
    holders = [data.server] if len(batch_sizes) == 1 else list(data.devices)
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(0)
    round_index = 0
    while True:
        optimizer.zero_grad()
        for samples, size in zip(holders, batch_sizes, strict=True):
            index = torch.randint(len(samples), (size,), generator=generator)
            index = index.to(samples.labels.device)
            loss = cross_entropy(network(samples.images[index]), samples.labels[index])
            (loss * size / sum(batch_sizes)).backward()
            loss.item()
        optimizer.step()
        round_index += 1
        if validation_interval and round_index % validation_interval == 0:
            bare_look(network, data.validation)
        yield


def bare_look(network: nn.Module, samples: Samples) -> tuple[float, float]:
    """Measure loss and accuracy on all samples in one pass."""
    network.eval()
    with torch.no_grad():
        logits = network(samples.images)
        loss = cross_entropy(logits, samples.labels).item()
        accuracy = (logits.argmax(dim=1) == samples.labels).float().mean().item()
    network.train()
    return loss, accuracy
