"""Problem (P3.o): the convex approximation that Algorithm 1 solves again and again.

Scaled as Clarabel needs it: batches in hundreds, clocks and powers by their limits, delay and
energy by their budgets, and the rate as ln(snr) + ln(1/snr + p/p^max). With a fixed channel the
rounds of a stage are alike, so one representative round stands for all of them.
"""

from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np

from baselines.solver import Ending, solve
from baselines.two_stage.program import SAMPLES
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.rounding import Rounded
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.times import Times
from baselines.two_stage.workload import Processor, Uplink, workload
from edgegym.physics import Array
from edgegym.systems.two_stage.bound import bound_terms
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, Scenario

Cell = tuple[int, int]


class LocalPoint(NamedTuple):
    """Where iteration o linearises, as shares of the limits and hundreds of samples."""

    inverse_batch: float  # D̃′
    inverse_batch_k: Array  # B̃_k′
    tx_power: Array  # p_k / p_k^max


def upload_tangent(uplink: Uplink, tx_power: Array) -> tuple[Array, Array]:
    """Upload energy at a power and its slope there, ζ of (37) with u of (38).

    E(p) = p·β/r(p),  u(p) = β/r − p·β·g / (W·log₂(1+snr)²·(W·N₀ + g·p)·ln 2)

    Parameters
    ----------
    uplink : the devices' links
    tx_power : (K,) powers by their limits, p / p^max

    Returns
    -------
    Two (K,) arrays: J, and J for each whole p^max

    Examples
    --------
    The slope is what a small step of the power finds:

    >>> from edgegym import load_scenario
    >>> link = workload(load_scenario("mnist")).uplink
    >>> (low, slope), (high, _) = (upload_tangent(link, np.full(3, p)) for p in (0.5, 0.5 + 1e-6))
    >>> bool(np.allclose((high - low) / 1e-6, slope, rtol=1e-4))
    True
    """
    snr = uplink.limit_snr * tx_power
    nats_per_s = np.log1p(snr) / uplink.nats_s
    value = uplink.limit_w * tx_power / nats_per_s
    slope = uplink.limit_w / nats_per_s * (1 - snr / ((1 + snr) * np.log1p(snr)))
    return value, slope


class Subproblem:
    """Problem (P3.o), built once for a scheme; the cell and the local point are parameters.

    Only the stages that the scheme runs enter it, so a cell with M = 0 or N = 0 has its own.
    """

    def __init__(self, scenario: Scenario, scheme: Scheme) -> None:
        self.scenario, self.scheme, self.work = scenario, scheme, workload(scenario)
        self.terms = bound_terms(scenario)
        n_devices = scenario.n_devices
        # PARAMETERS: the cell, and the tangents (37), (39), (40) as values at zero and slopes
        self.m, self.n = cp.Parameter(nonneg=True), cp.Parameter(nonneg=True)
        self.batch_tangent = cp.Parameter(2, nonneg=True)
        self.batch_k_tangent = cp.Parameter((2, n_devices), nonneg=True)
        self.upload_tangent = cp.Parameter((2, n_devices), nonneg=True)
        # VARIABLES of one round of each stage, by their limits
        self.batch, self.inverse, self.clock = (cp.Variable(pos=True) for _ in range(3))
        self.batch_k, self.inverse_k, self.clock_k, self.power = (
            cp.Variable(n_devices, pos=True) for _ in range(4)
        )
        # OBJECTIVE: what of (34) depends on the batches, times M + N
        noise, delay, energy, self._constraints = 0, 0, 0, list[Any]()
        if scheme.pretrains:
            server_s, server_j = self._pretraining()
            delay, energy = delay + self.m * server_s, energy + self.m * server_j
            noise += self.m * self.terms.pretrain_noise / SAMPLES * cp.inv_pos(self.batch)
        if scheme.finetunes:
            round_s, round_j = self._finetuning()
            delay, energy = delay + self.n * round_s, energy + self.n * round_j
            total = cp.sum(self.batch_k)
            noise += self.n * self.terms.finetune_noise / SAMPLES * cp.inv_pos(total)
        self._constraints += [
            delay / scenario.delay_budget_s <= 1,  # (36a)
            energy / scenario.energy_budget_j <= 1,  # (41a)
        ]
        self.problem = cp.Problem(cp.Minimize(noise), self._constraints)

    def _pretraining(self) -> tuple[Any, Any]:
        """Delay and energy of a pre-training round under (35a), (35c) and (41b)."""
        limit = self.scenario.pretrain_batch_size_limit / SAMPLES
        self._constraints += [
            self.batch + self.batch_tangent[1] * self.inverse <= self.batch_tangent[0],
            self.batch >= 1 / SAMPLES,
            self.batch <= limit,
            self.clock == 1 if self.scheme.fixed_clock else self.clock <= 1,
            self.clock >= CLOCK_FLOOR,
        ]
        if self.scheme.fixed_batch:
            self._constraints.append(self.inverse == 1 / limit)
        return _computing(self.work.server, self.clock, self.inverse)

    def _finetuning(self) -> tuple[Any, Any]:
        """Delay and energy of a fine-tuning round under (10), (11), (35b), (35d) and (41c)."""
        work, uplink, n_devices = self.work, self.work.uplink, self.scenario.n_devices
        limit = self.scenario.finetune_batch_size_limit / SAMPLES
        upload_s, upload_j = (cp.Variable(n_devices) for _ in range(2))
        rate = cp.log(1 / uplink.limit_snr + self.power) + np.log(uplink.limit_snr)
        self._constraints += [
            upload_s >= cp.multiply(uplink.nats_s, cp.inv_pos(rate)),
            upload_j >= self.upload_tangent[0] + cp.multiply(self.upload_tangent[1], self.power),
            self.batch_k + cp.multiply(self.batch_k_tangent[1], self.inverse_k)
            <= self.batch_k_tangent[0],
            self.batch_k >= 1 / SAMPLES,
            self.batch_k <= limit,
            self.clock_k == 1 if self.scheme.fixed_clock else self.clock_k <= 1,
            self.clock_k >= CLOCK_FLOOR,
            self.power >= uplink.floor_snr / uplink.limit_snr,
            self.power == 1 if self.scheme.fixed_power else self.power <= 1,
        ]
        if self.scheme.fixed_batch:
            self._constraints.append(self.inverse_k == 1 / limit)
        training = [
            _computing(Processor(*(part[k] for part in work.devices)), clock, inverse)
            for k, (clock, inverse) in enumerate(zip(self.clock_k, self.inverse_k, strict=True))
        ]
        training_s, training_j = (cp.hstack(part) for part in zip(*training, strict=True))
        return (
            cp.max(work.download_s + training_s + upload_s),
            work.download_j + cp.sum(training_j) + cp.sum(upload_j),
        )

    def solve(self, cell: Cell, point: LocalPoint) -> bool:
        """Solve (P3.o) in a cell at a local point, and say whether there is a solution."""
        self.m.value, self.n.value = cell
        self.batch_tangent.value = _tangent(point.inverse_batch)
        self.batch_k_tangent.value = _tangent(point.inverse_batch_k)
        value, slope = upload_tangent(self.work.uplink, point.tx_power)
        self.upload_tangent.value = np.stack([value - slope * point.tx_power, slope])
        return solve(self.problem) is Ending.OPTIMAL

    def bound(self, cell: Cell) -> float:
        """Bound (34) at the solution."""
        return float((self.problem.value + self.terms.start) / sum(cell))

    def next_point(self, point: LocalPoint) -> LocalPoint:
        """Linearise next where this iteration ended; a stage that is not run stays where it was."""
        if self.scheme.pretrains:
            point = point._replace(inverse_batch=float(self.inverse.value))
        if self.scheme.finetunes:
            point = point._replace(inverse_batch_k=self.inverse_k.value, tx_power=self.power.value)
        return point

    def result(self, cell: Cell) -> Relaxation:
        """Write the solution in samples."""
        return _relaxation(
            cell,
            self.bound(cell),
            float(SAMPLES * self.batch.value) if cell[0] else 1.0,
            SAMPLES * self.batch_k.value if cell[1] else np.ones(self.scenario.n_devices),
        )

    def rounded(self, cell: Cell) -> Rounded:
        """Round the batches of the solution to the nearest integers, line 9 of Algorithm 1.

        Clocks and powers stay the solver's own, so a batch that is rounded up takes longer.
        """
        (m, n), s, work = cell, self.scenario, self.work
        batch, batch_k, clock, clock_k, snr = 1.0, np.ones(s.n_devices), 1.0, 1.0, 1.0
        if m:
            batch = np.rint(SAMPLES * self.batch.value)
            clock = np.clip(self.clock.value, CLOCK_FLOOR, 1)
        if n:
            batch_k = np.rint(SAMPLES * self.batch_k.value)
            clock_k = np.clip(self.clock_k.value, CLOCK_FLOOR, 1)
            snr = np.clip(
                work.uplink.limit_snr * self.power.value,
                work.uplink.floor_snr,
                work.uplink.limit_snr,
            )
        total = batch_k.sum()
        return Rounded(
            gradient_norm_bound=float(self.terms.bound(m, n, batch, total)),
            integers=np.array([m, n, batch, total, *batch_k]),
            times=Times(
                server_s=work.server.least_s * batch / clock,
                computing_s=work.devices.least_s * batch_k / clock_k,
                upload_s=work.uplink.nats_s / np.log1p(snr),
                energy_j=np.asarray(np.nan),
            ),
        )

    def start(self, cell: Cell, point: LocalPoint) -> Relaxation:
        """Write the first local point, which fits the budgets, in samples."""
        batch, batch_k = SAMPLES / point.inverse_batch, SAMPLES / point.inverse_batch_k
        bound = float(self.terms.bound(*cell, batch, batch_k.sum()))
        return _relaxation(cell, bound, batch, batch_k)


def _relaxation(cell: Cell, bound: float, batch: float, batch_k: Array) -> Relaxation:
    return Relaxation(
        gradient_norm_bound=bound,
        n_pretrain_rounds=cell[0],
        n_finetune_rounds=cell[1],
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
    )


def _tangent(inverse_batch: Any) -> Array:
    """Value at zero and falling slope of the tangent of 1/D̃′ in (39) and (40)."""
    return np.stack([2 / inverse_batch, 1 / np.square(inverse_batch)])


def _computing(processor: Processor, clock: Any, inverse_batch: Any) -> tuple[Any, Any]:
    """Delay and energy of computing one mini-batch in (36a) and (36b), convex in f and D̃′."""
    least_s = processor.least_s * SAMPLES
    delay_s = least_s * cp.inv_prod(cp.hstack([clock, inverse_batch]))
    energy_j = processor.limit_w * least_s * cp.quad_over_lin(clock, inverse_batch)
    return delay_s, energy_j
