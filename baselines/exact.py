"""The exact planner: the whole of (P1), relaxed to real M, N and batches, as one convex program.

In the paper's variables (P2) is not convex; in *time* variables it is, and over (M, N) as well it
is quasi-convex. Take totals over a stage instead of values per round: X samples in T seconds on the
server, X_k samples in T_k seconds and U_k seconds of upload on device k. The computing energy
η·φ·(N_FLOP/c)³·X³/T² is jointly convex (a power cone), the upload energy
p^max/snr^max·U·(2^(β·N/(W·U)) − 1) is a perspective of exp (an exponential cone), every limit is
linear, and the bound (34) is convex over linear. Dividing every variable by M + N (Charnes-Cooper)
leaves a convex program whose optimum bounds every feasible integer plan from below.
"""

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np

from baselines.schemes import Scheme
from baselines.workload import Processor, Uplink, workload
from edgegym.physics import Array
from edgegym.two_stage.bound import bound_terms
from edgegym.two_stage.scenario import Scenario

#: Scaling that keeps every variable near one: 1000 rounds and hundreds of samples; times and
#: energies go by a thousandth of the budgets. Clarabel fails on the problem in SI units.
ROUNDS, SAMPLES = 1e3, 1e2


@dataclass(frozen=True)
class Relaxation:
    """Optimum of the relaxed problem: real rounds and batches, and a lower bound for every plan."""

    gradient_norm_bound: float
    n_pretrain_rounds: float
    n_finetune_rounds: float
    pretrain_batch_size: float
    finetune_batch_size: Array


def solve_relaxation(
    scenario: Scenario,
    scheme: Scheme,
    *,
    n_pretrain_rounds: float | None = None,
    n_finetune_rounds: float | None = None,
) -> Relaxation | None:
    """Solve (P1) over real M, N and batches to global optimality, at given M or N if asked.

    Parameters
    ----------
    scenario : the constants; its fixed gains are used
    scheme : what is frozen
    n_pretrain_rounds, n_finetune_rounds : fix M or N at this value

    Returns
    -------
    The optimum, or None where no plan fits the budgets

    Examples
    --------
    The joint design of scenario mnist, DESIGN's check value:

    >>> from baselines.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> relaxed = solve_relaxation(load_scenario("mnist"), find_scheme("joint"))
    >>> round(relaxed.gradient_norm_bound, 5), round(relaxed.n_pretrain_rounds)
    (0.30469, 1000)
    """
    program = _Program(scenario, scheme)
    for share, rounds in ((program.m, n_pretrain_rounds), (program.n, n_finetune_rounds)):
        if rounds is not None:
            program.constraints.append(share == rounds / ROUNDS * program.q)
    terms = bound_terms(scenario)
    objective = terms.start / ROUNDS * program.q
    if scheme.pretrains:
        objective += terms.pretrain_noise / SAMPLES * cp.quad_over_lin(program.m, program.x)
    if scheme.finetunes:
        total = cp.sum(program.x_k)
        objective += terms.finetune_noise / SAMPLES * cp.quad_over_lin(program.n, total)
    bound = program.minimize(objective)
    if bound is None:
        return None
    n_rounds = ROUNDS / program.q.value
    # At M = 0 the solver leaves digits of noise in m, which the batch must not be divided by.
    m, n = max(program.m.value, 1e-9), max(program.n.value, 1e-9)
    return Relaxation(
        gradient_norm_bound=bound,
        n_pretrain_rounds=float(program.m.value * n_rounds),
        n_finetune_rounds=float(program.n.value * n_rounds),
        pretrain_batch_size=float(SAMPLES * program.x.value / m),
        finetune_batch_size=SAMPLES * program.x_k.value / n,
    )


class _Program:
    """The constraints in totals divided by M + N and scaled; q stands for 1 / (M + N)."""

    def __init__(self, scenario: Scenario, scheme: Scheme) -> None:
        s, work = scenario, workload(scenario)
        # VARIABLES: shares of the rounds, samples of a stage
        self.q = cp.Variable(nonneg=True)
        self.m, self.n = cp.Variable(nonneg=True), cp.Variable(nonneg=True)
        self.x, self.x_k = cp.Variable(nonneg=True), cp.Variable(s.n_devices, nonneg=True)
        self.constraints: list[Any] = [
            self.m + self.n == 1,
            self.q <= ROUNDS,
            self.m <= s.max_pretrain_rounds / ROUNDS * self.q,
            self.n <= s.max_finetune_rounds / ROUNDS * self.q,
        ]
        if not scheme.pretrains:
            self.constraints.append(self.m == 0)
        if not scheme.finetunes:
            self.constraints.append(self.n == 0)
        # TIMES AND ENERGIES
        self._time_unit_s = s.delay_budget_s / ROUNDS
        self._energy_unit_j = s.energy_budget_j / ROUNDS
        limit, limit_k = s.pretrain_batch_size_limit, s.finetune_batch_size_limit
        t, e = self._computing(scheme, work.server, self.m, self.x, limit)
        t_k, e_k = self._computing(scheme, work.devices, self.n, self.x_k, limit_k)
        u_k, v_k = self._uploading(scheme, work.uplink)
        download = self.n * (work.download_s / self._time_unit_s)
        # BUDGETS
        delay = t + cp.max(download + t_k + u_k)
        energy = e + self.n * (work.download_j / self._energy_unit_j) + cp.sum(e_k + v_k)
        self.constraints += [delay <= self.q, energy <= self.q]  # (35e), (35f)

    def _computing(
        self, scheme: Scheme, processor: Processor, rounds: Any, samples: Any, limit: Any
    ) -> tuple[Any, Any]:
        """Time and energy of computing: f <= f^max is linear, the energy a power cone."""
        time, energy = (cp.Variable(samples.shape, nonneg=True) for _ in range(2))
        least = cp.multiply(processor.least_s * SAMPLES / self._time_unit_s, samples)
        limit_w = processor.limit_w * self._time_unit_s / self._energy_unit_j
        self.constraints += [
            samples >= rounds / SAMPLES,
            samples <= rounds * (limit / SAMPLES),
            time >= least,
        ]
        if scheme.fixed_batch:
            self.constraints.append(samples == rounds * (limit / SAMPLES))
        if scheme.fixed_clock:
            self.constraints += [time == least, energy == cp.multiply(limit_w, time)]
        else:
            cube_root = cp.multiply(np.cbrt(limit_w), least)
            self.constraints.append(cp.PowCone3D(energy, time, cube_root, 1 / 3))
        return time, energy

    def _uploading(self, scheme: Scheme, uplink: Uplink) -> tuple[Any, Any]:
        """Time and energy of uploading: p <= p^max is linear, the energy an exponential cone."""
        time, power = (cp.Variable(self.x_k.shape, nonneg=True) for _ in range(2))
        least = self.n * (uplink.least_s / self._time_unit_s)
        nats = self.n * (uplink.nats_s / self._time_unit_s)
        exponent = nats - cp.multiply(np.log(uplink.limit_snr), time)
        self.constraints += [time >= least, cp.ExpCone(exponent, time, power)]
        if scheme.fixed_power:
            self.constraints.append(time == least)
        limit_w = uplink.limit_w * self._time_unit_s / self._energy_unit_j
        return time, cp.multiply(limit_w, power - cp.multiply(1 / uplink.limit_snr, time))

    def minimize(self, objective: Any) -> float | None:
        """Solve, and give the optimum or None where there is no solution."""
        problem = cp.Problem(cp.Minimize(objective), self.constraints)
        problem.solve(solver=cp.CLARABEL)
        if problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
            return float(problem.value)
        if problem.status in (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE):
            return None
        raise RuntimeError(f"Clarabel ended with status {problem.status!r}; report the scenario.")
