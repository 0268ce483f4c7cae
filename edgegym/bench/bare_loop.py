"""The reference of `edgegym bench env`: what a researcher writes without an environment."""

import torch
from torch.nn.functional import cross_entropy

from edgegym.learning.learner import Learner


def bare_rounds(
    learner: Learner, batch_sizes: list[int], n_rounds: int, validation_interval: int | None
) -> None:
    """Run rounds of SGD for one batch size, of FedSGD for one batch size per device.

    Parameters
    ----------
    learner : whose network and data are used
    batch_sizes : samples on the server, or on each device
    n_rounds : rounds to run
    validation_interval : rounds between two looks at the validation loss, None for no look
    """
    network, data = learner.network, learner.data
    holders = [data.server] if len(batch_sizes) == 1 else list(data.devices)
    optimizer = torch.optim.SGD(network.parameters(), lr=learner.learning_rate)
    generator = torch.Generator().manual_seed(0)
    for round_index in range(n_rounds):
        optimizer.zero_grad()
        for samples, size in zip(holders, batch_sizes, strict=True):
            index = torch.randint(len(samples), (size,), generator=generator).to(learner.device)
            loss = cross_entropy(network(samples.images[index]), samples.labels[index])
            (loss * size / sum(batch_sizes)).backward()
            loss.item()
        optimizer.step()
        if validation_interval and (round_index + 1) % validation_interval == 0:
            with torch.no_grad():
                logits = network(data.validation.images)
                cross_entropy(logits, data.validation.labels).item()
                (logits.argmax(dim=1) == data.validation.labels).float().mean().item()
