"""The joint optimum in closed form, where there is one: a second opinion (PABA-style)."""

import numpy as np

from baselines.partitioned.one_sided import Allocation
from baselines.partitioned.problem import Problem
from edgegym.physics import Array

#: What the closed form needs; said where it does not hold.
NEEDS = "one worker in each group, no overhead and a fixed spectral efficiency"


def has_closed_form(problem: Problem) -> bool:
    """Tell whether the closed form holds: one worker a group, no overhead, a fixed efficiency."""
    alone = problem.first.size == problem.group.size
    return alone and problem.links.snr is None and not problem.overhead_s.any()


def closed_form(problem: Problem) -> Allocation:
    """Solve the joint problem where everything scales with the latency.

    With x = W/T the block of worker n at prices r² of the bands is
    x_n = (1 - √b_n·r)₊/a_n, where √b_n·r means Σ_i √b_in·r_i, and the prices are where
    Σ r² + Σ a_n·x_n² is least: a piecewise quadratic, so that a linear system is solved for the
    workers that take part, and again for those whose blocks it leaves positive.

    Examples
    --------
    >>> from baselines.partitioned.problem import example
    >>> found = closed_form(example())
    >>> round(found.delay_s, 5), found.blocks.round(5).tolist()
    (5.57488, [3.30034, 1.98327, 4.71639])
    """
    a, links = problem.compute_s, problem.links
    bands = (
        [links.download_s, links.upload_s]
        if links.separate
        else [links.download_s + links.upload_s]
    )
    roots = np.sqrt(np.array(bands))  # (n_bands, K)

    def model(r: Array) -> float:
        return float(r @ r + np.sum(np.maximum(1 - r @ roots, 0) ** 2 / a))

    r, active, settled = np.zeros(len(bands)), np.ones(a.size, dtype=bool), False
    while not settled:
        weighted = roots * (active / a)
        step = np.linalg.solve(np.eye(r.size) + weighted @ roots.T, weighted.sum(axis=1)) - r
        while model(r + step) > model(r) * (1 + 1e-15):
            step /= 2
        r = r + step
        margin = 1 - r @ roots
        settled = bool((active == (margin > 0)).all())
        active = margin > 0
    x = np.where(active, margin, 0.0) / a
    delay_s = problem.n_parameters / x.sum()
    shares = np.where(active, roots * margin / (a * r[:, np.newaxis]), 0.0)
    return Allocation(float(delay_s), x * delay_s, shares)
