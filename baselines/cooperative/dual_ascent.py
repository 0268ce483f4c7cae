"""JBBA-style: matching and bandwidth decoupled by prices, and dual ascent on these.

Whether device k takes part is y_k, which the block side (y_k >= Σ x_kn, at price μ_k) and the
bandwidth side share; λ_k is the price of its time, Σ λ_k = 1. The block side is then an assignment
problem, the bandwidth side has a closed form, b_k ∝ y_k·√(λ_k·w_k), that favours weak channels and
slow devices. That much is in the abstracts; steps and their lengths are a reconstruction.
"""

import numpy as np

from baselines.cooperative.crunch import crunch
from baselines.cooperative.joint import least_sum
from baselines.cooperative.problem import Allocation, Problem
from edgegym.physics import Array

STEPS, Y_STEPS = 60, 10
#: Rounding of a sum of shares.
SLACK = 1e-12


def plan_by_dual_ascent(problem: Problem) -> Allocation:
    """Climb the dual function, and keep the best of the matchings that are met on the way.

    Every matching gets the shares that are best for it (primal recovery). With Shannon's rates the
    time to send over a share b is taken as w_k/b with w_k as it is at b = 1/N: the closed form
    needs a fixed spectral efficiency.

    Examples
    --------
    In the worked case it ends 1.4 % above the optimum:

    >>> from baselines.cooperative.problem import worked_problem
    >>> round(plan_by_dual_ascent(worked_problem()).delay_s, 6)
    3.523494
    """
    n_blocks, n_devices = problem.compute_s.shape
    compute_s = problem.compute_s
    whole_s = problem.equal_upload_s / n_blocks  # w, over the whole band
    best = problem.with_best_shares(crunch(compute_s + problem.equal_upload_s)[0])
    scale_s, needed = best.delay_s, problem.least_share(best.delay_s)
    lam = np.full(n_devices, 1 / n_devices)
    mu = np.full(n_devices, scale_s / n_blocks / n_devices)
    y = np.full(n_devices, n_blocks / n_devices)
    for step in range(1, STEPS + 1):
        found = least_sum(lam * compute_s + mu)
        assert found is not None  # CRUNCH has found one
        matching, own = found[0], (np.arange(n_blocks), found[0])
        if needed[own].sum() < 1 - SLACK:  # it is done earlier than the best one so far
            best = problem.with_best_shares(matching, best.delay_s)
            needed = problem.least_share(best.delay_s)
        root = np.sqrt(lam * whole_s)
        y = _involvement(root, mu, y)
        own_s, takes_part = np.zeros(n_devices), np.zeros(n_devices)
        own_s[matching] = compute_s[own]
        takes_part[matching] = 1.0
        # With b = y·root/Σ y·root a device sends y²·w/b.
        late_s = own_s + y * np.sqrt(whole_s / np.maximum(lam, 1e-12)) * (y @ root)
        length = 1 / np.sqrt(step)
        lam = lam * np.exp(length * np.minimum(late_s / scale_s, 10.0))
        lam /= lam.sum()
        mu = np.maximum(mu + length * scale_s / n_devices * (takes_part - y), 0.0)
    return best


def _involvement(root: Array, mu: Array, start: Array) -> Array:
    """Minimise (Σ y_k·root_k)² - Σ μ_k·y_k over [0, 1] by some projected gradient steps."""
    y, length = start, 0.5 / (root @ root)
    for _ in range(Y_STEPS):
        y = np.clip(y - length * (2 * (y @ root) * root - mu), 0.0, 1.0)
    return y
