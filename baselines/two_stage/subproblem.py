"""Problem (P3.o): the convex approximation that Algorithm 1 solves again and again, as cone data.

Scaled as Clarabel needs it: batches in hundreds, clocks and powers by their limits, delay and
energy by their budgets, and the rate as ln(snr) + ln(1/snr + p/p^max). With a fixed channel the
rounds of a stage are alike, so one representative round stands for all of them.
"""

from typing import NamedTuple

import numpy as np

from baselines.conic import ConeProgram, Indices, Total
from baselines.two_stage.iterate import Cell, Iterate, LocalPoint
from baselines.two_stage.problem import Problem
from baselines.two_stage.program import SAMPLES
from baselines.two_stage.workload import Processor, Uplink
from edgegym.physics import Array, Numbers
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR

#: What a solve is accurate to: the fall of the bound that ends the iterations is ten times as much.
TOLERANCE = 1e-8


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
    >>> from baselines.two_stage.workload import workload
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


class _Computing(NamedTuple):
    """Variables of a round's computing: batches in hundreds, clocks by their limits."""

    batch: Indices
    inverse: Indices
    clock: Indices
    time: Indices
    energy: Indices


class Subproblem:
    """Problem (P3.o) of a cell; only stages that run a round enter it.

    Examples
    --------
    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> problem = pose(load_scenario("mnist"), find_scheme("joint"))
    >>> point = LocalPoint(SAMPLES / 20, np.full(3, SAMPLES / 20), np.full(3, 0.5))
    >>> found = Subproblem(problem, (900, 1250)).solve(point)
    >>> found.gradient_norm_bound < float(problem.terms.bound(900, 1250, 20, 60))
    True
    """

    def __init__(self, problem: Problem, cell: Cell) -> None:
        self.problem, self.cell, scenario = problem, cell, problem.scenario
        #: What of the bound's numerator is the same for all batches.
        self.fixed = float(problem.terms.fixed(cell[0]))
        self.time_unit_s = scenario.delay_budget_s / sum(cell)
        self.energy_unit_j = scenario.energy_budget_j / sum(cell)
        self.cones = ConeProgram()
        self.one = self.cones.variable()
        self.cones.zero([(1, self.one)], constant=1)
        #: What adds up to the bound, to the delay and to the energy; an upload's comes later.
        self.noise: list[Total] = []
        self.delay: list[Total] = []
        self.energy: list[Total] = []
        if cell[0]:
            self._pretraining(cell[0])
        if cell[1]:
            self._finetuning(cell[1])
        self._within_budget(self.cones, self.delay)  # (36a)

    def _within_budget(self, cones: ConeProgram, spent: list[Total]) -> None:
        spent = [Total(np.negative(value), variable) for value, variable in spent]
        cones.nonnegative([Total(sum(self.cell), self.one), *spent])

    def _pretraining(self, m: int) -> None:
        """M rounds on the server."""
        limit = self.problem.scenario.pretrain_batch_size_limit
        self.server = self._computing(self.problem.work.server, limit)
        self.delay.append(Total(m, self.server.time))
        self.energy.append(Total(m, self.server.energy))
        self._add_noise(m * self.problem.terms.pretrain_noise, self.server.batch)

    def _finetuning(self, n: int) -> None:
        """N rounds on the devices, each as long as its slowest one."""
        work, limits = self.problem.work, self.problem.scenario.finetune_batch_size_limit
        self.devices = self._computing(work.devices, limits)
        self.power, upload_time = self._uploading(work.uplink)
        round_time = self.cones.variable()
        download = work.download_s / self.time_unit_s
        self.cones.nonnegative(
            [(1, round_time), (-download, self.one), (-1, self.devices.time), (-1, upload_time)]
        )
        self.delay.append(Total(n, round_time))
        self.energy.append(Total(n * work.download_j / self.energy_unit_j, self.one))
        self.energy.append(Total(n, self.devices.energy))
        self._add_noise(n * self.problem.terms.finetune_noise, self.devices.batch)

    def _add_noise(self, noise: float, batch: Indices) -> None:
        """Add what of (34) depends on the batches, noise / ΣB̃_k, in what does not."""
        inverse = self.cones.variable()
        self.cones.rotated_second_order([Total(1, batch)], inverse, self.one)
        self.noise.append(Total(noise / SAMPLES / self.fixed, inverse))

    def _computing(self, processor: Processor, limit: Numbers) -> _Computing:
        """Write (35a)-(35d), and the delay and energy of (36a) and (36b), convex in f and D̃′."""
        cones, scheme = self.cones, self.problem.scheme
        shape, limit = np.shape(limit), np.divide(limit, SAMPLES)
        batch, inverse, clock, time, energy, mean = (cones.variable(*shape) for _ in range(6))
        cones.between(batch, 1 / SAMPLES, limit, self.one)
        cones.between(clock, 1 if scheme.fixed_clock else CLOCK_FLOOR, 1, self.one)
        if scheme.fixed_batch:
            cones.zero([(1, inverse), (-1 / limit, self.one)])
        least_s = processor.least_s * SAMPLES
        # delay · f · D̃′ ≥ least, with f · D̃′ ≥ mean²
        cones.rotated_second_order([(1, clock)], inverse, mean)
        cones.power([(1, time)], [(1, mean)], [(np.cbrt(least_s / self.time_unit_s), self.one)])
        # energy · D̃′ ≥ limit · f²
        limit_j = processor.limit_w * least_s / self.energy_unit_j
        cones.rotated_second_order([(1 / limit_j, energy)], inverse, clock)
        return _Computing(batch, inverse, clock, time, energy)

    def _uploading(self, uplink: Uplink) -> tuple[Indices, Indices]:
        """Power and delay of an upload under (10) and (11)."""
        cones, shape = self.cones, uplink.limit_snr.shape
        power, rate, time = (cones.variable(*shape) for _ in range(3))
        floor = 1 if self.problem.scheme.fixed_power else uplink.floor_snr / uplink.limit_snr
        cones.between(power, floor, 1, self.one)
        # exp(rate − ln snr) ≤ p + 1/snr, and time · rate ≥ nats
        cones.exponential(
            [(1, rate), (-np.log(uplink.limit_snr), self.one)],
            [(1, self.one)],
            [(1, power), (1 / uplink.limit_snr, self.one)],
        )
        cones.rotated_second_order([(self.time_unit_s / uplink.nats_s, time)], rate, self.one)
        return power, time

    def _linearised(self, point: LocalPoint) -> ConeProgram:
        """Write (41a)-(41c) at a local point beside what none of them changes."""
        cones, (m, n), spent = self.cones.copy(), self.cell, [*self.energy]
        if m:
            self._below_tangent(cones, self.server, point.inverse_batch)  # (41b)
        if n:
            self._below_tangent(cones, self.devices, point.inverse_batch_k)  # (41c)
            value, slope = upload_tangent(self.problem.work.uplink, point.tx_power)
            for part, variable in (value - slope * point.tx_power, self.one), (slope, self.power):
                spent.append(Total(n * part / self.energy_unit_j, variable))
        self._within_budget(cones, spent)  # (41a)
        return cones

    def _below_tangent(self, cones: ConeProgram, computing: _Computing, at: Numbers) -> None:
        """Keep D̃ below the tangent of 1/D̃′, 2/D̃′ᵒ − D̃′/D̃′ᵒ² of (39) and (40)."""
        value, slope = np.divide(2, at), 1 / np.square(at)
        cones.nonnegative([(value, self.one), (-slope, computing.inverse), (-1, computing.batch)])

    def solve(self, point: LocalPoint) -> Iterate | None:
        """Linearise and hand it to Clarabel; None where that finds no fully accurate solution."""
        solution = self._linearised(point).minimise(self.noise, TOLERANCE)
        if solution.status != "Solved":
            return None
        x, (m, n) = solution.x, self.cell
        batch, batch_k = 1 / SAMPLES, np.full(len(point.inverse_batch_k), 1 / SAMPLES)
        clock, clock_k = 1.0, np.ones_like(batch_k)
        if m:
            batch, clock = float(x[self.server.batch]), float(x[self.server.clock])
            point = point._replace(inverse_batch=float(x[self.server.inverse]))
        if n:
            batch_k, clock_k = x[self.devices.batch], x[self.devices.clock]
            inverse_k, power = x[self.devices.inverse], x[self.power]
            point = point._replace(inverse_batch_k=inverse_k, tx_power=power)
        bound = self.fixed * (solution.objective + 1) / self.problem.terms.n_averaged(m, n)
        return Iterate(float(bound), batch, batch_k, clock, clock_k, next_point=point)
