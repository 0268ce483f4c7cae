"""The exact planner: the whole of (P1), relaxed to real M, N and batches, as one convex program.

In the paper's variables (P2) is not convex; in *time* variables it is, and over (M, N) as well it
is quasi-convex. Take totals over a stage instead of values per round: X samples in T seconds on the
server, X_k samples in T_k seconds and U_k seconds of upload on device k. The computing energy
η·φ·(N_FLOP/c)³·X³/T² is jointly convex (a power cone), the upload energy
p^max/snr^max·U·(2^(β·N/(W·U)) − 1) is a perspective of exp (an exponential cone), every limit is
linear, and the bound (34) is convex over linear. Dividing every variable by M + N (Charnes-Cooper)
leaves a convex program whose optimum bounds every feasible integer plan from below. Of a bound with
cases every case is such a program, and the best of their optima is the optimum.
"""

from dataclasses import replace
from typing import Any

import cvxpy as cp
import numpy as np

from baselines.solver import Ending, solve
from baselines.two_stage.box import FINETUNE_ROUNDS, PRETRAIN_ROUNDS
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.program import SAMPLES, rounds_unit
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import Processor, Uplink
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, Scenario


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
    The optimum, or None where no plan fits the budgets or the solver gives up

    Examples
    --------
    The joint design of scenario mnist, DESIGN's check value:

    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> relaxed = solve_relaxation(load_scenario("mnist"), find_scheme("joint"))
    >>> round(relaxed.gradient_norm_bound, 5), round(relaxed.n_pretrain_rounds)
    (0.30469, 1000)
    """
    # A stage without rounds is left out: its variables would only trouble the solver.
    scheme = replace(
        scheme,
        pretrains=scheme.pretrains and n_pretrain_rounds != 0,
        finetunes=scheme.finetunes and n_finetune_rounds != 0,
    )
    found = [
        _solve_case(part, n_pretrain_rounds, n_finetune_rounds)
        for part in pose(scenario, scheme).parts
    ]
    optima = [one for one in found if one is not None]
    return min(optima, key=lambda one: one.gradient_norm_bound, default=None)


def _solve_case(
    posed: Problem, n_pretrain_rounds: float | None, n_finetune_rounds: float | None
) -> Relaxation | None:
    """Solve one case of the bound."""
    ends, unit = posed.box.high[: FINETUNE_ROUNDS + 1], rounds_unit(posed)
    pretrains, finetunes = (bool(stage) for stage in ends)
    scheme = replace(posed.scheme, pretrains=pretrains, finetunes=finetunes)
    posed = replace(posed, scheme=scheme)
    # No optimum depends on the scale, but the solver may fail at one and not at another.
    for factor in (1.0, 0.3, 3.0):
        program = _Program(posed, factor * unit)
        if scheme.pretrains and n_pretrain_rounds is not None:
            program.constraints.append(program.m == n_pretrain_rounds / program.rounds * program.q)
        if scheme.finetunes and n_finetune_rounds is not None:
            program.constraints.append(program.n == n_finetune_rounds / program.rounds * program.q)
        problem = cp.Problem(cp.Minimize(program.bound()), program.constraints)
        ending = solve(problem)
        if ending is not Ending.FAILED:
            break
    if ending not in (Ending.OPTIMAL, Ending.INACCURATE):
        return None
    # A stage that runs no round has no samples either, and 0²/0 no value.
    for samples in (program.x, program.x_k):
        if samples.value is not None:
            samples.value = np.maximum(samples.value, 1e-12)
    n_rounds = program.rounds / program.q.value
    m, n = (0.0 if share is None else float(share.value) for share in (program.m, program.n))
    # At M = 0 the solver leaves digits of noise in m, which the batch must not be divided by.
    return Relaxation(
        gradient_norm_bound=float(problem.objective.value),
        n_pretrain_rounds=m * n_rounds,
        n_finetune_rounds=n * n_rounds,
        pretrain_batch_size=float(SAMPLES * program.x.value / max(m, 1e-9)) if m else 1.0,
        finetune_batch_size=SAMPLES * program.x_k.value / max(n, 1e-9)
        if n
        else np.ones(posed.scenario.n_devices),
    )


class _Program:
    """The constraints in totals divided by the rounds averaged over, 1/q, and scaled."""

    def __init__(self, problem: Problem, rounds: float) -> None:
        s, self.scheme, work = problem.scenario, problem.scheme, problem.work
        self.rounds, terms = rounds, problem.terms
        self.terms, (low, high) = terms, problem.box
        self._time_unit_s = s.delay_budget_s / self.rounds
        self._energy_unit_j = s.energy_budget_j / self.rounds
        # VARIABLES: shares of the rounds, samples of a stage
        self.q = cp.Variable(nonneg=True)
        self.m = cp.Variable(nonneg=True) if self.scheme.pretrains else None
        self.n = cp.Variable(nonneg=True) if self.scheme.finetunes else None
        self.x, self.x_k = cp.Variable(nonneg=True), cp.Variable(s.n_devices, nonneg=True)
        m, n = (0 if share is None else share for share in (self.m, self.n))
        averaged = terms.pretrain_weight * m + terms.finetune_weight * n
        if terms.more_rounds:
            averaged = averaged + terms.more_rounds / self.rounds * self.q
        self.constraints: list[Any] = [averaged == 1]
        if not terms.more_rounds:
            self.constraints.append(self.q <= self.rounds)  # at least one round
        # TIMES AND ENERGIES
        delay, energy = 0, 0
        if self.m is not None:
            self._between(self.m, low[PRETRAIN_ROUNDS], high[PRETRAIN_ROUNDS])
            t, e = self._computing(work.server, self.m, self.x, s.pretrain_batch_size_limit)
            delay, energy = delay + t, energy + e
        if self.n is not None:
            self._between(self.n, low[FINETUNE_ROUNDS], high[FINETUNE_ROUNDS])
            t_k, e_k = self._computing(work.devices, self.n, self.x_k, s.finetune_batch_size_limit)
            u_k, v_k = self._uploading(work.uplink)
            download = self.n * (work.download_s / self._time_unit_s)
            delay = delay + cp.max(download + t_k + u_k)
            energy = energy + self.n * (work.download_j / self._energy_unit_j) + cp.sum(e_k + v_k)
        # BUDGETS
        self.constraints += [delay <= self.q, energy <= self.q]  # (35e), (35f)

    def _between(self, share: Any, low: float, high: float) -> None:
        """Keep a stage's rounds between two numbers."""
        if low:
            self.constraints.append(share >= low / self.rounds * self.q)
        self.constraints.append(share <= high / self.rounds * self.q)

    def bound(self) -> Any:
        """Give the bound, convex: a·M²/X + b·N²/ΣX_k + G + C·exp(−κM), by the rounds."""
        bound = self.terms.start / self.rounds * self.q
        if self.terms.contracted:
            left = cp.Variable(nonneg=True)
            exponent = 0 if self.m is None else -self.terms.contraction * self.rounds * self.m
            self.constraints.append(cp.ExpCone(exponent + 0 * self.q, self.q, left))
            bound += self.terms.contracted / self.rounds * left
        if self.m is not None:
            bound += self.terms.pretrain_noise / SAMPLES * cp.quad_over_lin(self.m, self.x)
        if self.n is not None:
            total = cp.sum(self.x_k)
            bound += self.terms.finetune_noise / SAMPLES * cp.quad_over_lin(self.n, total)
        return bound

    def _computing(
        self, processor: Processor, rounds: Any, samples: Any, limit: Any
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
        if self.scheme.fixed_batch:
            self.constraints.append(samples == rounds * (limit / SAMPLES))
        if self.scheme.fixed_clock:
            self.constraints += [time == least, energy == cp.multiply(limit_w, time)]
        else:
            self.constraints.append(time <= least / CLOCK_FLOOR)
            cube_root = cp.multiply(np.cbrt(limit_w), least)
            self.constraints.append(cp.PowCone3D(energy, time, cube_root, 1 / 3))
        return time, energy

    def _uploading(self, uplink: Uplink) -> tuple[Any, Any]:
        """Time and energy of uploading: p <= p^max is linear, the energy an exponential cone."""
        time, power = (cp.Variable(self.x_k.shape, nonneg=True) for _ in range(2))
        rounds: Any = self.n
        least = rounds * (uplink.least_s / self._time_unit_s)
        nats = rounds * (uplink.nats_s / self._time_unit_s)
        exponent = nats - cp.multiply(np.log(uplink.limit_snr), time)
        most = rounds * (uplink.most_s / self._time_unit_s)
        self.constraints += [time >= least, cp.ExpCone(exponent, time, power)]
        self.constraints.append(time == least if self.scheme.fixed_power else time <= most)
        limit_w = uplink.limit_w * self._time_unit_s / self._energy_unit_j
        return time, cp.multiply(limit_w, power - cp.multiply(1 / uplink.limit_snr, time))
