"""From real rounds and batches to the best integers around them that keep every limit."""

import math
from itertools import product
from typing import NamedTuple

import numpy as np

from baselines.box import DEVICES, FINETUNE_ROUNDS, PRETRAIN_BATCH, PRETRAIN_ROUNDS, Box
from baselines.physical import device_clock_hz, device_tx_power_w, server_clock_hz
from baselines.relaxation import Relaxation
from baselines.schemes import Scheme
from baselines.times import RESERVE, Times, cheapest_times
from baselines.workload import Workload, workload
from edgegym.physics import Array
from edgegym.two_stage.bound import BoundTerms
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario


class Rounded(NamedTuple):
    """Integers in the order of `Box`, with the times that make them fit."""

    gradient_norm_bound: float
    integers: Array
    times: Times


def round_near(
    scenario: Scenario,
    scheme: Scheme,
    work: Workload,
    terms: BoundTerms,
    box: Box,
    relaxed: Relaxation,
) -> Rounded | None:
    """Find the best integers near a relaxed optimum that fit the budgets.

    Around every integer neighbour of (M, N), with the server batches beside the real one, the
    devices' batches are raised one sample after another, the device nearest to its next integer
    first. The bound falls and the energy grows along that chain: its last fitting link is best.

    Parameters
    ----------
    scenario, scheme, work, terms : what is planned
    box : limits of all integers
    relaxed : the optimum to round

    Returns
    -------
    The best that fits, or None

    Examples
    --------
    >>> from baselines.box import whole_box
    >>> from baselines.relaxation import relax
    >>> from baselines.schemes import find_scheme
    >>> from baselines.workload import workload
    >>> from edgegym import load_scenario
    >>> from edgegym.two_stage.bound import bound_terms
    >>> s, scheme = load_scenario("mnist"), find_scheme("joint")
    >>> found = round_near(s, scheme, workload(s), bound_terms(s), whole_box(s, scheme),
    ...     relax(s, scheme))
    >>> round(found.gradient_norm_bound, 4), found.integers[:2].tolist()
    (0.3047, [1000.0, 1365.0])
    """
    lanes = _lanes(relaxed, box)
    chain = _chain(relaxed, box)
    best, times = _last_fitting(scenario, scheme, work, relaxed, lanes, chain)
    found = best >= 0
    if not found.any():
        return None
    m, n, batch = lanes.T
    total = chain[np.maximum(best, 0)].sum(axis=-1)
    bounds = (m * terms.pretrain_noise / batch + n * terms.finetune_noise / total + terms.start) / (
        m + n
    )
    lane = int(np.argmin(np.where(found, bounds, np.inf)))
    integers = np.array([m[lane], n[lane], batch[lane], total[lane], *chain[best[lane]]])
    return Rounded(float(bounds[lane]), integers, Times(*(part[lane] for part in times)))


def _around(value: float, low: float, high: float, steps: tuple[int, ...]) -> set[float]:
    return {min(max(math.floor(value) + step, low), high) for step in steps}


def _lanes(relaxed: Relaxation, box: Box) -> Array:
    """(M, N, D̃) around the optimum, one row each."""
    low, high = box.low.tolist(), box.high.tolist()
    m = _around(relaxed.n_pretrain_rounds, low[PRETRAIN_ROUNDS], high[PRETRAIN_ROUNDS], (0, 1))
    n = _around(relaxed.n_finetune_rounds, low[FINETUNE_ROUNDS], high[FINETUNE_ROUNDS], (0, 1))
    batch = _around(relaxed.pretrain_batch_size, low[PRETRAIN_BATCH], high[PRETRAIN_BATCH], (0, 1))
    return np.array([lane for lane in sorted(product(m, n, batch)) if lane[0] + lane[1] > 0])


def _chain(relaxed: Relaxation, box: Box) -> Array:
    """Integer batches of the devices from one below the real ones to two above, link by link."""
    low, high = box.low[DEVICES:], box.high[DEVICES:]
    floors = np.floor(relaxed.finetune_batch_size)
    nearest_first = np.argsort(floors - relaxed.finetune_batch_size, kind="stable")
    raised = np.tri(len(floors) + 1, len(floors), -1)[:, np.argsort(nearest_first)]
    chain = np.concatenate([floors - 1 + raised, (floors + raised)[1:], (floors + 1 + raised)[1:]])
    return np.clip(chain, low, high)


def _last_fitting(
    scenario: Scenario,
    scheme: Scheme,
    work: Workload,
    relaxed: Relaxation,
    lanes: Array,
    chain: Array,
) -> tuple[Array, Times]:
    """For every lane the last link of the chain that fits the budgets, -1 where none does."""
    m, n, batch = (part[:, np.newaxis] for part in lanes.T)
    limit_j = scenario.energy_budget_j * (1 - RESERVE)
    rows = np.arange(len(lanes))
    first, width = np.full(len(lanes), -1), len(chain)
    best: Times | None = None
    # A short chain is tried at once; a long one is closed in on with a few links at a time.
    probes = max(3, 48 // chain.shape[1])
    while width > 0:
        stride = -(-width // probes)
        links = np.minimum(
            first[:, np.newaxis] + stride * np.arange(1, -(-width // stride) + 1), len(chain) - 1
        )
        times = cheapest_times(
            work,
            scheme,
            n_pretrain_rounds=m,
            n_finetune_rounds=n,
            pretrain_batch_size=batch,
            finetune_batch_size=chain[links],
            delay_budget_s=scenario.delay_budget_s * (1 - RESERVE),
            prices=relaxed.prices,
        )
        fitting = times.energy_j <= limit_j
        # Times that stopped short of the cheapest may leave a gap: the last one that fits counts.
        last = np.where(fitting, np.arange(links.shape[1]), -1).max(axis=-1)
        any_fits = last >= 0
        got = Times(*(np.broadcast_to(p, (*links.shape, *p.shape[2:]))[rows, last] for p in times))
        if best is None:
            best = got
        else:
            best = Times(
                *(
                    np.where(any_fits.reshape(-1, *[1] * (new.ndim - 1)), new, old)
                    for new, old in zip(got, best, strict=True)
                )
            )
        first = np.where(any_fits, links[rows, last], first)
        width = stride - 1
    assert best is not None
    return first, best


def round_nearest(scenario: Scenario, scheme: Scheme, relaxed: Relaxation) -> Plan:
    """Round as the paper does after Algorithm 1: every integer to the nearest, limits or not.

    Clocks and powers stay what the real batches need, so rounding a batch up takes longer.
    """
    m, n = round(relaxed.n_pretrain_rounds), round(relaxed.n_finetune_rounds)
    times = cheapest_times(
        workload(scenario),
        scheme,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=relaxed.pretrain_batch_size,
        finetune_batch_size=relaxed.finetune_batch_size,
        delay_budget_s=scenario.delay_budget_s,
        prices=relaxed.prices,
    )
    batch, batch_k = np.rint(relaxed.pretrain_batch_size), np.rint(relaxed.finetune_batch_size)
    times = times._replace(
        server_s=times.server_s * batch / relaxed.pretrain_batch_size,
        computing_s=times.computing_s * batch_k / relaxed.finetune_batch_size,
    )
    integers = np.array([m, n, batch, batch_k.sum(), *batch_k])
    return as_plan(scenario, Rounded(np.nan, integers, times))


def as_plan(scenario: Scenario, rounded: Rounded) -> Plan:
    """Write times as the clocks and powers that need exactly so long."""
    s, integers, times = scenario, rounded.integers, rounded.times
    batch, batch_k = integers[PRETRAIN_BATCH], integers[DEVICES:]
    return Plan.constant(
        n_pretrain_rounds=int(integers[PRETRAIN_ROUNDS]),
        n_finetune_rounds=int(integers[FINETUNE_ROUNDS]),
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
        server_clock_hz=server_clock_hz(s, batch, times.server_s),
        device_clock_hz=device_clock_hz(s, batch_k, times.computing_s),
        device_tx_power_w=device_tx_power_w(s, times.upload_s, s.uplink_gain),
    )
