"""The optimum over real rounds and batches, with a bound that its prices prove."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from baselines.conic import Solution
from baselines.two_stage.box import (
    DEVICES,
    FINETUNE_ROUNDS,
    PRETRAIN_BATCH,
    PRETRAIN_ROUNDS,
    TOTAL_BATCH,
)
from baselines.two_stage.prices import Prices, lower_bound
from baselines.two_stage.problem import Problem
from baselines.two_stage.program import SAMPLES, Program
from baselines.two_stage.workload import NEARLY_FREE
from edgegym.physics import Array

#: Gap up to which one solve is enough, and above which, after all, a result says so.
ACCURATE, CERTIFIED = 1e-6, 1e-4

#: Factors of the scale and of the objective's weight in the solves that follow until one is: the
#: solver's tolerances are absolute, so that more weight means more digits of the bound.
AGAIN = ((0.1, 1e2), (0.01, 1e2), (0.1, 1.0), (1.0, 1.0))

#: Factors for the prices of a box that the solver calls infeasible: along its proof of that, the
#: bound grows without end.
RAYS = (1.0, 1e2, 1e4, 1e6)


@dataclass(frozen=True)
class Relaxation:
    """Optimum of the relaxed problem: real rounds and batches, and a lower bound for every plan."""

    gradient_norm_bound: float  # infinite where the solver found none; the rest is the least then
    n_pretrain_rounds: float
    n_finetune_rounds: float
    pretrain_batch_size: float
    finetune_batch_size: Array
    #: No plan is below; from the prices alone, so it holds however well the solver did.
    lower_bound: float = 0.0
    prices: Prices | None = None
    n_averaged: float = 1.0  # rounds that the bound averages over

    @property
    def gap(self) -> float:
        """How far the solver's optimum is from what its prices prove, relative; 1 without one."""
        less, more = sorted((self.gradient_norm_bound, self.lower_bound))
        return 1 - less / max(more, NEARLY_FREE)

    @property
    def cell(self) -> tuple[int, int]:
        """Rounds of the stages, (M, N), to the nearest."""
        return round(self.n_pretrain_rounds), round(self.n_finetune_rounds)

    @property
    def integers(self) -> Array:
        """The values, still real, in the order of `Box`."""
        total = self.finetune_batch_size.sum()
        head = (self.n_pretrain_rounds, self.n_finetune_rounds, self.pretrain_batch_size, total)
        return np.array([*head, *self.finetune_batch_size])


def relax(problem: Problem) -> Relaxation | None:
    """Solve (P1) over real M, N and batches within their box to global optimality.

    Parameters
    ----------
    problem : what is planned

    Returns
    -------
    The optimum, or None where prices prove that no plan fits the budgets. Where the solver finds
    neither, the bound is infinite, and only `lower_bound` says something.

    Examples
    --------
    The joint design of scenario mnist, DESIGN's check value:

    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> relaxed = relax(pose(load_scenario("mnist"), find_scheme("joint")))
    >>> round(relaxed.gradient_norm_bound, 5), round(relaxed.n_pretrain_rounds)
    (0.30469, 1000)
    >>> relaxed.gradient_norm_bound - relaxed.lower_bound < 1e-7
    True
    """
    return best_of(relax_case(part) for part in problem.parts)


def best_of(found: Iterable[Relaxation | None]) -> Relaxation | None:
    """Take the best optimum of some cases; no plan is below the lowest of their lower bounds."""
    optima = [one for one in found if one is not None]
    if not optima:
        return None
    lowest = min(one.lower_bound for one in optima)
    best = min(optima, key=lambda one: (one.gradient_norm_bound, one.lower_bound))
    return replace(best, lower_bound=lowest)


def relax_case(problem: Problem) -> Relaxation | None:
    """Solve a problem whose bound has one case; None where prices prove that no plan fits."""
    if problem.box.empty:
        return None
    best = _solve(problem)
    for factor, sharpness in AGAIN:
        if best is None or best.gap <= ACCURATE:
            return best
        # Now that the number of rounds is known the program can be scaled by it.
        rounds = best.n_pretrain_rounds + best.n_finetune_rounds
        unit = factor * float(np.clip(rounds, 1e-3, 1e6))
        again = _solve(problem, rounds=unit, sharpness=sharpness)
        best = again and _better(best, again)
    return best


def _better(*solves: Relaxation) -> Relaxation:
    """Take the highest bound that any solve proves, and the optimum that is nearest to it."""
    proven = max(solve.lower_bound for solve in solves)
    return min((replace(solve, lower_bound=proven) for solve in solves), key=lambda r: r.gap)


def _solve(problem: Problem, **scale: Any) -> Relaxation | None:
    """Solve at one scale; None where prices prove that nothing fits."""
    program = Program(problem, **scale)
    found = _unscaled(program, program.solve())
    return None if found.lower_bound > _highest_bound(problem) else found


def _highest_bound(problem: Problem) -> float:
    """Bound that no plan within a box exceeds: all rounds' noise, averaged over as few as can be.

    Where both stages' rounds are averaged over, so is their noise: that of one round will do.
    """
    terms, (low, high) = problem.terms, problem.box
    m, n = high[:PRETRAIN_BATCH]
    noise = terms.pretrain_noise / low[PRETRAIN_BATCH] * (1 if terms.pretrain_weight else m)
    noise += terms.finetune_noise / low[TOTAL_BATCH] * (1 if terms.finetune_weight else n)
    return float((terms.fixed(low[PRETRAIN_ROUNDS]) + noise) / max(terms.more_rounds, 1.0))


def _prices(program: Program, solution: Solution) -> Prices:
    """Undo the scaling of the delay's and the energy's prices."""
    z = np.nan_to_num(solution.z)
    per_s = program.bound_unit / program.time_unit_s
    per_j = program.bound_unit / program.energy_unit_j
    delay_per_s = max(per_s * float(z[program.delay_row]), 0.0)
    devices = np.zeros(program.scenario.n_devices)
    if program.n is not None:
        # Shares of the price of a second: the solver's last digits must not make them more.
        devices = np.maximum(per_s * z[program.round_rows].sum(axis=0), 0.0)
        devices *= min(1.0, delay_per_s / max(devices.sum(), NEARLY_FREE)) * (1 - 1e-15)
    return Prices(
        delay_per_s=delay_per_s,
        device_delay_per_s=devices,
        energy_per_j=max(per_j * float(z[program.energy_row]), 0.0),
    )


def _unscaled(program: Program, solution: Solution) -> Relaxation:
    """Undo the scaling of rounds, batches and bound; without an optimum only prices are left."""
    x, s, prices = solution.x, program.scenario, _prices(program, solution)
    if not solution.found or x[program.q] <= 0:
        return Relaxation(
            gradient_norm_bound=np.inf,
            n_pretrain_rounds=program.box.low[PRETRAIN_ROUNDS],
            n_finetune_rounds=program.box.low[FINETUNE_ROUNDS],
            pretrain_batch_size=program.box.low[PRETRAIN_BATCH],
            finetune_batch_size=program.box.low[DEVICES:],
            lower_bound=max(lower_bound(prices.times(ray), program.problem) for ray in RAYS),
        )
    m = 0.0 if program.m is None else float(x[program.m])
    n = 0.0 if program.n is None else float(x[program.n].sum())
    batch, batch_k = 1.0, np.ones(s.n_devices)
    # At M = 0 the solver leaves digits of noise in m, which the batch must not be divided by.
    if program.x is not None:
        batch = float(SAMPLES * x[program.x] / max(m, 1e-9))
    if program.x_k is not None:
        batch_k = SAMPLES * x[program.x_k][0] / max(n, 1e-9)
    return Relaxation(
        gradient_norm_bound=float(solution.objective * program.bound_unit),
        n_pretrain_rounds=float(m / x[program.q] * program.rounds),
        n_finetune_rounds=float(n / x[program.q] * program.rounds),
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
        lower_bound=lower_bound(prices, program.problem),
        prices=prices,
        n_averaged=float(program.rounds / x[program.q]),
    )
