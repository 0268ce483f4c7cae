"""Rotation: blocks go from device to device, so that each is trained on everybody's data."""

import numpy as np

from baselines.cooperative.joint import least_sum
from baselines.cooperative.problem import Matching, Problem

#: What the latency of a pair counts beside having been chosen once: it decides among equals.
TIE = 1e-3


def rotate(problem: Problem) -> list[Matching]:
    """Let every block meet the devices that can hold it, as many rounds as there are devices.

    Each round is the matching whose pairs were chosen least before, a device's rounds counting as
    well, and among these the one with the least sum of times.

    Examples
    --------
    >>> from baselines.cooperative.problem import worked_problem
    >>> [matching.tolist() for matching in rotate(worked_problem())]
    [[1, 2, 3], [0, 3, 1], [2, 1, 3], [3, 2, 1]]
    """
    n_blocks, n_devices = problem.compute_s.shape
    done_s = problem.compute_s + problem.equal_upload_s
    tie = TIE * done_s / np.max(done_s[problem.able])
    chosen = np.zeros((n_blocks, n_devices))
    matchings = []
    for _ in range(n_devices):
        found = least_sum(chosen + chosen.sum(axis=0) / n_blocks + tie)
        assert found is not None  # else something is lacking
        chosen[np.arange(n_blocks), found[0]] += 1
        matchings.append(found[0])
    return matchings
