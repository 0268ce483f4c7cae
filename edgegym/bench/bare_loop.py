"""The reference of `edgegym bench env`: what a researcher writes without an environment."""

from collections.abc import Iterator

import torch
from torch.nn.functional import cross_entropy

from edgegym.learning.learner import Learner


def bare_rounds(
    learner: Learner, batch_sizes: list[int], validation_interval: int | None
) -> Iterator[None]:
    """Run rounds without end: SGD for one batch size, FedSGD for one batch size per device.

    Parameters
    ----------
    learner : whose network and data are used
    batch_sizes : samples on the server, or on each device
    validation_interval : rounds between two looks at the validation loss, None for no look

    Yields
    ------
    None, after every round
    """
    network, data = learner.network, learner.data
    holders = [data.server] if len(batch_sizes) == 1 else list(data.devices)
    optimizer = torch.optim.SGD(network.parameters(), lr=learner.learning_rate)
    generator = torch.Generator().manual_seed(0)
    round_index = 0
    while True:
        optimizer.zero_grad()
        for samples, size in zip(holders, batch_sizes, strict=True):
            index = torch.randint(len(samples), (size,), generator=generator).to(learner.device)
            loss = cross_entropy(network(samples.images[index]), samples.labels[index])
            (loss * size / sum(batch_sizes)).backward()
            loss.item()
        optimizer.step()
        round_index += 1
        if validation_interval and round_index % validation_interval == 0:
            with torch.no_grad():
                logits = network(data.validation.images)
                cross_entropy(logits, data.validation.labels).item()
                (logits.argmax(dim=1) == data.validation.labels).float().mean().item()
        yield
