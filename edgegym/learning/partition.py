"""Non-identical data: who holds how much of which label."""

import numpy as np
from numpy.typing import NDArray

from edgegym.errors import InputError

#: Below, a label goes to one device; above, shares are even to six digits. Farther out NumPy's
#: draws overflow.
CONCENTRATION_RANGE = (1e-6, 1e12)


def dirichlet_partition(
    labels: NDArray[np.int64], n_devices: int, concentration: float, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Deal out samples label by label, in shares drawn from a symmetric Dirichlet distribution.

    For every label the shares of the devices are drawn anew, p ~ Dir_K(α), as by Yurochkin et al.,
    *Bayesian Nonparametric Federated Learning of Neural Networks*, 2019. So devices differ in
    labels and in how many samples they hold. A small α leaves a device few labels; a large one
    deals every label out evenly. A device that would go without takes a sample from the one that
    holds most.

    Parameters
    ----------
    labels : (n,) of the samples that are dealt out, n >= K
    n_devices : K
    concentration : α
    rng : generator that is advanced

    Returns
    -------
    For each device the indices of its samples, at least one; every index once

    Examples
    --------
    >>> labels = np.repeat([0, 1], 50)
    >>> parts = dirichlet_partition(labels, 4, 0.3, np.random.default_rng(0))
    >>> [np.bincount(labels[part], minlength=2).tolist() for part in parts]
    [[23, 9], [6, 20], [20, 12], [1, 9]]
    """
    alpha = np.full(n_devices, np.clip(concentration, *CONCENTRATION_RANGE))
    parts: list[list[NDArray[np.int64]]] = [[] for _ in range(n_devices)]
    for label in np.unique(labels):
        index = rng.permutation(np.flatnonzero(labels == label))
        ends = np.rint(np.cumsum(rng.dirichlet(alpha)) * index.size).astype(int)
        # In an order of its own, or the same devices would gain by the rounding of every label.
        takers = rng.permutation(n_devices)
        for device, part in zip(takers, np.split(index, ends[:-1]), strict=True):
            parts[device].append(part)
    return _leave_none_empty([np.concatenate(held) for held in parts])


def thin_out(labels: NDArray[np.int64], share: float, n_classes: int) -> NDArray[np.int64]:
    """Leave out a share of the samples of every label in the upper half.

    Parameters
    ----------
    labels : (n,) of the samples
    share : from 0, all are kept, to 1
    n_classes : of which the upper half is thinned out

    Returns
    -------
    The indices of those that are kept, in their order

    Raises
    ------
    InputError
        If none are.

    Examples
    --------
    >>> thin_out(np.array([0, 1, 1, 0, 1, 1]), 0.5, n_classes=2).tolist()
    [0, 3, 4, 5]
    """
    kept = np.ones(len(labels), dtype=bool)
    for label in range(n_classes // 2, n_classes):
        places = np.flatnonzero(labels == label)
        kept[places[: round(share * places.size)]] = False
    if not kept.any():
        raise InputError(
            f"learning.missing_label_share must leave the server a sample; got {share:g}, and all "
            f"of its {len(labels)} have a label of the upper half. Lower it."
        )
    return np.flatnonzero(kept)


def _leave_none_empty(parts: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    sizes = np.array([part.size for part in parts])
    for device in np.flatnonzero(sizes == 0):
        richest = int(np.argmax(sizes))
        parts[device], parts[richest] = parts[richest][-1:], parts[richest][:-1]
        sizes[device], sizes[richest] = 1, sizes[richest] - 1
    return parts
