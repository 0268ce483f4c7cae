"""From real rounds and batches to the best integers around them that keep every limit."""

import math
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.two_stage.box import DEVICES, FINETUNE_ROUNDS, PRETRAIN_BATCH, PRETRAIN_ROUNDS, Box
from baselines.two_stage.physical import device_clock_hz, device_tx_power_w, server_clock_hz
from baselines.two_stage.problem import Problem
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.times import RESERVE, Times, cheapest_times
from edgegym.physics import Array
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario


class Rounded(NamedTuple):
    """Integers in the order of `Box`, with the times that make them fit."""

    gradient_norm_bound: float
    integers: Array
    times: Times


def round_near(problem: Problem, relaxed: Relaxation) -> Rounded | None:
    """Find the best integers near a relaxed optimum that fit the budgets.

    Around every integer neighbour of (M, N), with the server batches beside the real one, the
    devices' batches are raised one sample after another, the device nearest to its next integer
    first. The bound falls and the energy grows along that chain: its last fitting link is best.

    Parameters
    ----------
    problem : what is planned
    relaxed : the optimum to round, of the problem or of a part of its box

    Returns
    -------
    The best that fits, or None

    Examples
    --------
    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.relaxation import relax
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> problem = pose(load_scenario("mnist"), find_scheme("joint"))
    >>> found = round_near(problem, relax(problem))
    >>> round(found.gradient_norm_bound, 4), found.integers[:2].tolist()
    (0.3047, [1000.0, 1365.0])
    """
    lanes, chain = _lanes(relaxed, problem.box), _Chain(relaxed, problem.box)
    best, times = _last_fitting(problem, relaxed, lanes, chain)
    found = best >= 0
    if not found.any():
        return None
    m, n, batch = lanes.T
    total = chain[np.maximum(best, 0)].sum(axis=-1)
    bounds = problem.terms.bound(m, n, batch, total)
    lane = int(np.argmin(np.where(found, bounds, np.inf)))
    integers = np.array([m[lane], n[lane], batch[lane], total[lane], *chain[best[lane]]])
    return Rounded(float(bounds[lane]), integers, Times(*(part[lane] for part in times)))


def _around(value: float, low: float, high: float) -> set[float]:
    """Give the integers beside a value; a solver's -0.0002 rounds are none, not minus one."""
    below = math.floor(min(max(value, low), high))
    return {below, min(below + 1, high)}


def _lanes(relaxed: Relaxation, box: Box) -> Array:
    """(M, N, D̃) around the optimum, one row each."""
    low, high = box.low.tolist(), box.high.tolist()
    m = _around(relaxed.n_pretrain_rounds, low[PRETRAIN_ROUNDS], high[PRETRAIN_ROUNDS])
    n = _around(relaxed.n_finetune_rounds, low[FINETUNE_ROUNDS], high[FINETUNE_ROUNDS])
    batch = _around(relaxed.pretrain_batch_size, low[PRETRAIN_BATCH], high[PRETRAIN_BATCH])
    return np.array([lane for lane in sorted(product(m, n, batch)) if lane[0] + lane[1] > 0])


class _Chain:
    """Integer batches of the devices from one below the real ones to two above, link by link.

    A link raises one device by a sample, the one nearest to its next integer first; only the links
    that are asked for are written out, as all of them would be 3K rows of K batches.
    """

    def __init__(self, relaxed: Relaxation, box: Box) -> None:
        self.low, self.high = box.low[DEVICES:], box.high[DEVICES:]
        self.floors = np.floor(relaxed.finetune_batch_size)
        nearest_first = np.argsort(self.floors - relaxed.finetune_batch_size, kind="stable")
        self.turn = np.argsort(nearest_first)

    def __len__(self) -> int:
        return 3 * len(self.floors) + 1

    def __getitem__(self, link: NDArray[np.intp]) -> Array:
        """Batches (..., K) of links (...)."""
        times_raised, raised_last = np.divmod(np.asarray(link)[..., np.newaxis], len(self.floors))
        raised = times_raised + (self.turn < raised_last)
        return np.clip(self.floors - 1 + raised, self.low, self.high)


def _last_fitting(
    problem: Problem, relaxed: Relaxation, lanes: Array, chain: _Chain
) -> tuple[Array, Times]:
    """For every lane the last link of the chain that fits the budgets, -1 where none does."""
    scenario = problem.scenario
    m, n, batch = (part[:, np.newaxis] for part in lanes.T)
    limit_j = scenario.energy_budget_j * (1 - RESERVE)
    rows = np.arange(len(lanes))
    first, width = np.full(len(lanes), -1), len(chain)
    best: Times | None = None
    # A short chain is tried at once; a long one is closed in on with a few links at a time.
    probes = max(3, 48 // len(chain.floors))
    while width > 0:
        stride = -(-width // probes)
        links = np.minimum(
            first[:, np.newaxis] + stride * np.arange(1, -(-width // stride) + 1), len(chain) - 1
        )
        times = cheapest_times(
            problem.work,
            problem.scheme,
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
