"""What a second and a joule are worth, and the bound on every plan that follows from it.

Lagrangian duality turns prices into a certificate: charge for delay and energy instead of limiting
them, and the best plan at those prices bounds every plan within the budgets from below, whatever
the prices are and however they were found. At the relaxation's own prices the two bounds meet. The
priced problem falls apart into the server's round and the devices' round, each solved in closed
form, so the certificate trusts no solver.
"""

from itertools import product
from typing import NamedTuple

import numpy as np

from baselines.two_stage.box import (
    DEVICES,
    FINETUNE_ROUNDS,
    PRETRAIN_BATCH,
    PRETRAIN_ROUNDS,
    TOTAL_BATCH,
    Box,
)
from baselines.two_stage.problem import Problem
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import NEARLY_FREE, Processor, Uplink
from edgegym.physics import Array, Numbers
from edgegym.systems.two_stage.bound_terms import BoundTerms


class Prices(NamedTuple):
    """What one more second or joule takes off the numerator of the bound."""

    delay_per_s: float
    device_delay_per_s: Array  # (K,): how the price of a fine-tuning second is shared; sums to it
    energy_per_j: float

    def times(self, factor: float) -> "Prices":
        """Raise all prices alike."""
        return Prices(
            factor * self.delay_per_s, factor * self.device_delay_per_s, factor * self.energy_per_j
        )


def lower_bound(prices: Prices, problem: Problem) -> float:
    """Bound that no plan within the box and the budgets falls below, from any prices.

    With a and b the priced cost of a round of either stage, min over (M, N) of
    (M·a + N·b + G − λ·τ₀ − μ·E₀) / (M + N); a quotient of linear functions is least at a corner.
    With C·exp(−κM) in the numerator, and no M in the denominator, it is convex in M, and least
    where a = κ·C·exp(−κM) or at an end.

    Examples
    --------
    Free seconds and joules leave a true, if useless, bound: all rounds and the largest batches.

    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> problem = pose(load_scenario("mnist"), find_scheme("joint"))
    >>> bound = lower_bound(Prices(0.0, np.zeros(3), 0.0), problem)
    >>> round(bound, 6) == round((1000 * 10 / 700 + 3000 * 30 / 2100 + 460) / 4000, 6)
    True
    """
    s = problem.scenario
    spent = prices.delay_per_s * s.delay_budget_s + prices.energy_per_j * s.energy_budget_j
    terms = problem.terms
    server, devices = (
        price(prices, problem) for price in (pretrain_round_price, finetune_round_price)
    )
    low, high = problem.box
    ends = list(np.stack(problem.box)[:, [PRETRAIN_ROUNDS, FINETUNE_ROUNDS]].T)
    if terms.contracted:
        ends = [np.append(ends[0], _settled(terms, server, *ends[0])), ends[1]]
    corners = [corner for corner in product(*ends) if corner != (0, 0) or terms.more_rounds]
    if not low[: FINETUNE_ROUNDS + 1].any():  # at least one round
        corners += [end for end in ((1, 0), (0, 1)) if np.all(end <= high[: FINETUNE_ROUNDS + 1])]
    m, n = np.array(corners).T
    numerator = m * server + n * devices + terms.fixed(m) - spent
    return float(np.min(numerator / terms.n_averaged(m, n)))


def _settled(terms: BoundTerms, price: float, low: float, high: float) -> float:
    """Pre-training rounds after which one more costs what it takes off the numerator."""
    worth = terms.contraction * terms.contracted / max(price, NEARLY_FREE)
    return float(np.clip(np.log(max(worth, NEARLY_FREE)) / terms.contraction, low, high))


def pretrain_round_price(prices: Prices, problem: Problem) -> float:
    """Least γ̄ρα²/D̃ + λ·delay + μ·energy of a pre-training round."""
    noise, (low, high) = problem.terms.pretrain_noise, problem.box
    sample = sample_price(
        problem.work.server, prices.delay_per_s, prices.energy_per_j, problem.scheme
    )
    batch = float(np.sqrt(noise / max(float(sample), NEARLY_FREE)))
    batch = min(max(batch, float(low[PRETRAIN_BATCH])), float(high[PRETRAIN_BATCH]))
    return float(noise / batch + sample * batch)


def finetune_round_price(prices: Prices, problem: Problem) -> float:
    """Least γ̄ρ̂α̂²K/ΣB̃_k + Σλ_k·delay_k + μ·energy of a fine-tuning round."""
    work, scheme = problem.work, problem.scheme
    per_s, per_j = prices.device_delay_per_s, prices.energy_per_j
    fixed = (
        np.sum(upload_price(work.uplink, per_s, per_j, scheme) + per_s * work.download_s)
        + per_j * work.download_j
    )
    return float(fixed) + _batch_price(
        sample_price(work.devices, per_s, per_j, scheme),
        problem.terms.finetune_noise,
        problem.box,
    )


def sample_price(processor: Processor, per_s: Numbers, per_j: float, scheme: Scheme) -> Array:
    """Price of computing one sample at the time that makes it least, where a second saves λ/μ."""
    time_s = processor.least_s
    if not scheme.fixed_clock:
        time_s = processor.time_for_price_s(per_s / max(per_j, NEARLY_FREE))
    return per_s * time_s + per_j * processor.energy_j(1, time_s)


def upload_price(uplink: Uplink, per_s: Numbers, per_j: float, scheme: Scheme) -> Array:
    """Price of an upload at the time that makes it least, where a second saves λ/μ joules."""
    time_s = uplink.least_s
    if not scheme.fixed_power:
        time_s = uplink.time_for_price_s(per_s / max(per_j, NEARLY_FREE))
    return per_s * time_s + per_j * uplink.energy_j(time_s)


def _batch_price(sample: Array, noise: float, box: Box) -> float:
    """Least noise/S + Σ sample_k·B_k with S = ΣB_k: the cheapest devices take samples first."""
    order = np.argsort(sample)
    low, high, sample = box.low[DEVICES:], box.high[DEVICES:][order], sample[order]
    width = high - low[order]
    end = low.sum() + np.cumsum(width)
    start = end - width
    first, last = np.maximum(start, box.low[TOTAL_BATCH]), np.minimum(end, box.high[TOTAL_BATCH])
    total = np.clip(np.sqrt(noise / np.maximum(sample, NEARLY_FREE)), first, last)
    base = low @ sample[np.argsort(order)] + np.concatenate([[0.0], np.cumsum(sample * width)[:-1]])
    price = noise / total + base + sample * (total - start)
    return float(np.min(price[first <= last]))
