"""How well one model serves each device, whose samples have labels of their own frequencies."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from edgegym.learning.centralized import Samples


def device_accuracies(
    measure: Callable[[Samples], tuple[float, float]], devices: Sequence[Samples], test: Samples
) -> list[float]:
    """Give the accuracy on test samples whose labels are as frequent as each device's.

    Samples are dealt out to devices label by label, so that within a label those of all devices
    are alike. The test set's accuracy on each label, averaged with the frequencies of a device's
    labels, is then what test samples of the device's own would say, had it as many as all. A label
    that the test set lacks is left out.

    Parameters
    ----------
    measure : gives loss and accuracy on some samples
    devices : what each device holds
    test : the common test set

    Returns
    -------
    (K,), not a number where the test set has none of a device's labels

    Examples
    --------
    A model that knows label 0 alone:

    >>> test, *devices = (
    ...     Samples(torch.zeros(len(labels), 1), torch.tensor(labels))
    ...     for labels in ([0, 0, 0, 1], [0, 1], [1, 1])
    ... )
    >>> device_accuracies(lambda part: (0.0, float((part.labels == 0).all())), devices, test)
    [0.5, 0.0]
    """
    labels = test.labels.unique()
    accuracy = torch.tensor(
        [measure(test.take(test.labels == label))[1] for label in labels], dtype=torch.float64
    )
    shares = torch.stack([(part.labels[:, None] == labels).sum(dim=0) for part in devices])
    held = shares.to(torch.float64).cpu()
    return [float(one) for one in (held @ accuracy / held.sum(dim=1))]


def served(
    measure: Callable[[Samples], tuple[float, float]], devices: Sequence[Samples], test: Samples
) -> dict[str, Any]:
    """Measure how well each device is served, the worst one, and their standard deviation.

    Parameters
    ----------
    measure, devices, test : as for `device_accuracies`
    """
    accuracies = device_accuracies(measure, devices, test)
    return {
        "worst_device_accuracy": float(np.min(accuracies)),
        "device_accuracy_spread": float(np.std(accuracies)),
        "device": list(range(len(devices))),
        "n_samples": [len(part) for part in devices],
        "test_accuracy_of_device": accuracies,
    }
