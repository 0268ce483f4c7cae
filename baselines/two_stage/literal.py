"""Problem (P3.o) as the paper writes it, with variables for every round and a modelling layer.

Thousands of times slower than `subproblem.py`, where one round of each stage stands for all of
them. It is here to be read beside the paper, and for the test that both end at the same bound.
"""

from typing import Any

import cvxpy as cp
import numpy as np

from baselines.solver import Ending, solve
from baselines.two_stage.algorithm1 import SCA_TOLERANCE
from baselines.two_stage.iterate import Cell, LocalPoint
from baselines.two_stage.problem import pose
from baselines.two_stage.program import SAMPLES
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.subproblem import upload_tangent
from baselines.two_stage.workload import Processor, workload
from edgegym.physics import Numbers
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, Scenario


def solve_literal(
    scenario: Scenario, scheme: Scheme, cell: Cell, point: LocalPoint
) -> float | None:
    """Run the SCA iterations over M + N rounds, all from one local point, to their bound (34).

    Parameters
    ----------
    scenario, scheme : what is planned; both stages have to run
    cell : (M, N), both positive
    point : the first local point, the same in every round

    Returns
    -------
    The bound, or None where the first problem has no solution

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> from baselines.two_stage.algorithm1 import solve_cells
    >>> s = load_scenario("mnist").replace(delay_budget_s=30.0, energy_budget_j=8.0)
    >>> point = LocalPoint(SAMPLES / 20, np.full(3, SAMPLES / 20), np.full(3, 0.5))
    >>> literal = solve_literal(s, find_scheme("joint"), (10, 12), point)
    >>> one_round_for_all = solve_cells(s, find_scheme("joint"), [(10, 12)])[10, 12]
    >>> round(literal, 4), round(one_round_for_all.gradient_norm_bound, 4)
    (20.9352, 20.9352)
    """
    m, n = cell
    at = [
        np.full(m, point.inverse_batch),
        np.tile(point.inverse_batch_k, (n, 1)),
        np.tile(point.tx_power, (n, 1)),
    ]
    bound = np.inf
    while True:
        program = _Literal(scenario, scheme, cell, *at)
        if solve(program.problem) is not Ending.OPTIMAL:
            return None if np.isinf(bound) else bound
        previous, bound = (
            bound,
            float(
                (program.problem.value + program.terms.fixed(m)) / program.terms.n_averaged(m, n)
            ),
        )
        if previous - bound <= SCA_TOLERANCE * bound:
            return bound
        at = [program.inverse.value, program.inverse_k.value, program.power.value]


class _Literal:
    """The problem of one iteration: arrays over (round,) and (round, device)."""

    def __init__(
        self,
        scenario: Scenario,
        scheme: Scheme,
        cell: Cell,
        inverse_at: Numbers,
        inverse_k_at: Numbers,
        power_at: Numbers,
    ) -> None:
        (m, n), s, work, terms = (
            cell,
            scenario,
            workload(scenario),
            pose(scenario, scheme).part_of(*cell).terms,
        )
        shape, uplink = (n, s.n_devices), work.uplink
        self.terms = terms
        batch, self.inverse, clock = (cp.Variable(m, pos=True) for _ in range(3))
        batch_k, self.inverse_k, clock_k, self.power, rate_bound = (
            cp.Variable(shape, pos=True) for _ in range(5)
        )
        # OBJECTIVE: γ̄ρα²·Σ 1/D̃ + γ̄ρ̂α̂²K·Σ 1/ΣB̃_k
        noise = terms.pretrain_noise / SAMPLES * cp.sum(cp.inv_pos(batch))
        noise += terms.finetune_noise / SAMPLES * cp.sum(cp.inv_pos(cp.sum(batch_k, axis=1)))
        # DELAY (36a) AND ENERGY (36b) of every round
        server_s, server_j, server_cones = _computing(work.server, clock, self.inverse)
        device_s, device_j, device_cones = _computing(work.devices, clock_k, self.inverse_k)
        snr = np.tile(uplink.limit_snr, (n, 1))
        rate = cp.log(1 / snr + self.power) + np.log(snr)
        upload_s = cp.multiply(np.tile(uplink.nats_s, (n, 1)), cp.inv_pos(rate_bound))
        value, slope = upload_tangent(uplink, np.asarray(power_at))
        upload_j = value + cp.multiply(slope, self.power - power_at)  # (37), (38)
        round_s = cp.max(np.tile(work.download_s, (n, 1)) + device_s + upload_s, axis=1)
        delay_s = cp.sum(server_s) + cp.sum(round_s)
        energy_j = cp.sum(server_j) + n * work.download_j + cp.sum(device_j) + cp.sum(upload_j)
        limit, limits = s.pretrain_batch_size_limit / SAMPLES, s.finetune_batch_size_limit / SAMPLES
        others: list[Any] = [*server_cones, *device_cones]
        if scheme.fixed_batch:
            others += [self.inverse == 1 / limit, self.inverse_k == np.tile(1 / limits, (n, 1))]
        if scheme.fixed_clock:
            others += [clock == 1, clock_k == 1]
        if scheme.fixed_power:
            others.append(self.power == 1)
        constraints = [
            delay_s / s.delay_budget_s <= 1,
            energy_j / s.energy_budget_j <= 1,
            rate_bound <= rate,
            _below_tangent(batch, self.inverse, inverse_at),  # (39), (41b)
            _below_tangent(batch_k, self.inverse_k, inverse_k_at),  # (40), (41c)
            batch >= 1 / SAMPLES,
            batch <= limit,
            batch_k >= 1 / SAMPLES,
            batch_k <= np.tile(limits, (n, 1)),
            clock >= CLOCK_FLOOR,
            clock <= 1,
            clock_k >= CLOCK_FLOOR,
            clock_k <= 1,
            self.power >= np.tile(uplink.floor_snr / uplink.limit_snr, (n, 1)),
            self.power <= 1,
        ]
        self.problem = cp.Problem(cp.Minimize(noise), constraints + others)


def _below_tangent(batch: Any, inverse: Any, at: Numbers) -> Any:
    """D̃ ≤ the tangent of 1/D̃′ at a point."""
    at = np.asarray(at)
    return batch <= 2 / at - cp.multiply(1 / at**2, inverse)


def _computing(processor: Processor, clock: Any, inverse: Any) -> tuple[Any, Any, list[Any]]:
    """Delay ∝ 1/(f·D̃′) and energy ∝ f²/D̃′ of every round, and the cones that say so."""
    mean, energy = (cp.Variable(clock.shape, pos=True) for _ in range(2))
    least_s = np.broadcast_to(processor.least_s * SAMPLES, clock.shape)
    limit_j = np.broadcast_to(processor.limit_w, clock.shape) * least_s
    cones = [
        _rotated(clock, inverse, mean),  # f·D̃′ >= mean²
        _rotated(energy, inverse, clock),  # energy·D̃′ >= f²
    ]
    return cp.multiply(least_s, cp.power(mean, -2)), cp.multiply(limit_j, energy), cones


def _rotated(left: Any, right: Any, middle: Any) -> Any:
    """Write left · right ≥ middle², element by element."""
    left, right, middle = (cp.vec(part, order="C") for part in (left, right, middle))
    return cp.SOC(left + right, cp.vstack([2 * middle, left - right]), axis=0)
