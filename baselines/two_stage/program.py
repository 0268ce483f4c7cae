"""The relaxed problem (P1) as cone data, for plans in a millisecond.

The same program as `exact.py`, which is the one to read: here without a modelling layer, with
limits on every integer for branch and bound, and with fine-tuning rounds in groups of their own
gains for channels that change. A test holds the two against each other.
"""

from typing import Any

import numpy as np

from baselines.conic import ConeProgram, Indices, Solution, Total
from baselines.two_stage.box import (
    DEVICES,
    FINETUNE_ROUNDS,
    PRETRAIN_BATCH,
    PRETRAIN_ROUNDS,
    TOTAL_BATCH,
)
from baselines.two_stage.problem import Problem
from baselines.two_stage.workload import Processor, Uplink
from edgegym.physics import Array, Numbers

#: Scaling that keeps every variable near one: hundreds of samples, a thousand rounds or as many as
#: the budgets allow, times and energies by the budgets. Clarabel fails on the problem in SI units.
SAMPLES, MOST_ROUNDS = 1e2, 1e3


class Program:
    """The constraints in totals divided by the rounds that the bound averages over, and scaled.

    q stands for 1 / (M + N), or what a bound has in its place.

    Fine-tuning rounds come in J groups of alike rounds, one unless the problem's `work` is of
    (J, K) gains. The totals of a group are in multiples of its `weight`, (J, 1), so that those of
    a single round among thousands stay near one; `counts` limits the rounds in each group, two
    (J, 1). Where rounds differ, `mean_power` adds the limit (10), which is no peak limit then.
    `rounds` and `sharpness` scale variables and objective; no optimum depends on them, but its
    digits do.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        weight: Numbers = 1.0,
        counts: tuple[Numbers, Numbers] | None = None,
        rounds: float | None = None,
        sharpness: float = 1.0,
        mean_power: bool = False,
    ) -> None:
        self.problem, self.mean_power = problem, mean_power
        self.scenario, self.scheme, self.box = problem.scenario, problem.scheme, problem.box
        self.work, self.terms = problem.work, problem.terms
        self.rounds = rounds or rounds_unit(problem)
        self.time_unit_s = self.scenario.delay_budget_s / self.rounds
        self.energy_unit_j = self.scenario.energy_budget_j / self.rounds
        self.bound_unit = float(self.terms.fixed(0)) / self.rounds / sharpness
        self.cones = ConeProgram()
        self.q = self.cones.variable()
        self.m: Indices | None = None
        self.n: Any = None
        self.x: Indices | None = None
        self.x_k: Any = None
        #: What adds up to the rounds, to those averaged over, to the delay, energy and bound.
        self.n_rounds = [Total(self.terms.more_rounds / self.rounds, self.q)]
        self.shares = list(self.n_rounds)
        self.delay: list[Total] = []
        self.energy: list[Total] = []
        self.bound = [self._per_round(self.terms.start, self.q)]
        low, high = self.box
        if self.scheme.pretrains and high[PRETRAIN_ROUNDS] > 0:
            self._pretraining()
        if self.scheme.finetunes and high[FINETUNE_ROUNDS] > 0:
            n_groups = len(np.atleast_2d(self.work.uplink.limit_snr))
            self.weight = np.broadcast_to(weight, (n_groups, 1))
            self._finetuning(counts or (low[FINETUNE_ROUNDS], high[FINETUNE_ROUNDS]))
        if self.terms.contracted:
            self._contract()
        self.cones.zero(self.shares, constant=1)
        # At least one round, (35e) and (35f)
        self.cones.nonnegative([*_times(self.rounds, self.n_rounds), Total(-1, self.q)])
        self.delay_row = self._within_budget(self.delay)
        self.energy_row = self._within_budget(self.energy)

    def _within_budget(self, spent: list[Total]) -> Indices:
        return self.cones.nonnegative([Total(1, self.q), *_times(-1, spent)])

    def _pretraining(self) -> None:
        self.m, self.x, inverse = (self.cones.variable() for _ in range(3))
        low, high = self.box
        self._between(self.m, low[PRETRAIN_ROUNDS], high[PRETRAIN_ROUNDS], self.q, 1 / self.rounds)
        self._between(self.x, low[PRETRAIN_BATCH], high[PRETRAIN_BATCH], self.m, 1 / SAMPLES)
        time, energy = self._computing(self.work.server, self.x)
        self.server_time = time
        self.cones.rotated_second_order([(1, self.x)], inverse, self.m)
        self.n_rounds.append(Total(1, self.m))
        self.shares.append(Total(self.terms.pretrain_weight, self.m))
        self.delay += [Total(*term) for term in time]
        self.energy += [Total(*term) for term in energy]
        self.bound.append(self._noise(self.terms.pretrain_noise, 1.0, inverse))

    def _finetuning(self, counts: tuple[Numbers, Numbers]) -> None:
        work, cones, weight, (low, high) = self.work, self.cones, self.weight, self.box
        shape = (len(weight), self.scenario.n_devices)
        self.n, round_time, inverse = (cones.variable(len(weight), 1) for _ in range(3))
        self.x_k = cones.variable(*shape)
        self._between(self.n, counts[0], counts[1], self.q, 1 / (self.rounds * weight))
        self._between(self.x_k, low[DEVICES:], high[DEVICES:], self.n, 1 / SAMPLES)
        samples = Total(1, self.x_k)
        if low[TOTAL_BATCH] > low[DEVICES:].sum():
            cones.nonnegative([samples, (-low[TOTAL_BATCH] / SAMPLES, self.n)])
        if high[TOTAL_BATCH] < high[DEVICES:].sum():
            cones.nonnegative([(high[TOTAL_BATCH] / SAMPLES, self.n), Total(-1, self.x_k)])
        computing_time, computing_energy = self._computing(work.devices, self.x_k)
        self.computing_time = computing_time
        upload_time, upload_energy = self._uploading(work.uplink)
        self.upload_time = upload_time
        mean_limit_w = self.scenario.device_tx_power_mean_limit_w
        if self.mean_power and np.any(mean_limit_w < work.uplink.limit_w):
            self._limit_mean_power(
                work.uplink, upload_time[0][1], mean_limit_w / work.uplink.limit_w
            )
        time = [(work.download_s / self.time_unit_s, self.n), *computing_time, *upload_time]
        self.round_rows = cones.nonnegative([(1, round_time), *((-v, i) for v, i in time)])
        download_j = np.reshape(work.download_j, (-1, 1)) / self.energy_unit_j
        energy = [(download_j, self.n), *computing_energy, *upload_energy]
        cones.rotated_second_order([samples], inverse, self.n)
        self.n_rounds.append(Total(weight, self.n))
        self.shares.append(Total(self.terms.finetune_weight * weight, self.n))
        self.delay.append(Total(weight, round_time))
        self.energy += [Total(weight * value, variable) for value, variable in energy]
        self.bound.append(self._noise(self.terms.finetune_noise, weight, inverse))

    def _contract(self) -> None:
        """Add C·exp(−κM) by the rounds averaged over: q·exp(−κ·m/q), a perspective of exp."""
        if self.m is None:
            self.bound.append(self._per_round(self.terms.contracted, self.q))
            return
        left = self.cones.variable()
        exponent = [(-self.terms.contraction * self.rounds, self.m)]
        self.cones.exponential(exponent, [(1, self.q)], [(1, left)])
        self.bound.append(self._per_round(self.terms.contracted, left))

    def _per_round(self, numerator: float, variable: Indices) -> Total:
        return Total(numerator / self.rounds / self.bound_unit, variable)

    def _noise(self, noise: float, weight: Numbers, inverse: Indices) -> Total:
        return Total(weight * (noise / SAMPLES / self.bound_unit), inverse)

    def _between(
        self, variable: Indices, low: Numbers, high: Numbers, unit: Indices, factor: Numbers
    ) -> None:
        """Keep a variable between low and high units times a factor."""
        low, high = np.multiply(low, factor), np.multiply(high, factor)
        self.cones.between(variable, low, high, unit)

    def _computing(self, processor: Processor, samples: Indices) -> tuple[list[Any], list[Any]]:
        """Time and energy of computing: f <= f^max is linear, the energy a power cone."""
        least, most = (
            value * SAMPLES / self.time_unit_s for value in (processor.least_s, processor.most_s)
        )
        limit_w = processor.limit_w * self.time_unit_s / self.energy_unit_j
        if self.scheme.fixed_clock:
            return [(least, samples)], [(limit_w * least, samples)]
        time, energy = (self.cones.variable(*samples.shape) for _ in range(2))
        self.cones.nonnegative([(1, time), (-least, samples)])
        self.cones.nonnegative([(most, samples), (-1, time)])
        self.cones.power([(1, energy)], [(1, time)], [(np.cbrt(limit_w) * least, samples)])
        return [(1, time)], [(1, energy)]

    def _uploading(self, uplink: Uplink) -> tuple[list[Any], list[Any]]:
        """Time and energy of uploading: p <= p^max is linear, the energy an exponential cone."""
        least, most, nats = (
            value / self.time_unit_s for value in (uplink.least_s, uplink.most_s, uplink.nats_s)
        )
        if self.scheme.fixed_power:
            energy_j = uplink.energy_j(uplink.least_s)
            return [(least, self.n)], [(energy_j / self.energy_unit_j, self.n)]
        time, power = (self.cones.variable(*self.x_k.shape) for _ in range(2))
        self.cones.nonnegative([(1, time), (-least, self.n)])
        self.cones.nonnegative([(most, self.n), (-1, time)])
        exponent: list[Any] = [(nats, self.n), (-np.log(uplink.limit_snr), time)]
        self.cones.exponential(exponent, [(1, time)], [(1, power)])
        limit_w = uplink.limit_w * self.time_unit_s / self.energy_unit_j
        return [(1, time)], [(limit_w, power), (-limit_w / uplink.limit_snr, time)]

    def _limit_mean_power(self, uplink: Uplink, time: Indices, limit: Array) -> None:
        """Keep the mean power (10): with r·u ≥ nats·n² a round sends with n·(exp(r/n) − 1)/snr."""
        cones, shape = self.cones, self.x_k.shape
        exponent, scaled, power = (cones.variable(*shape) for _ in range(3))
        nats = np.sqrt(uplink.nats_s / self.time_unit_s)
        cones.zero([(1, scaled), (-nats, self.n)])
        cones.rotated_second_order([(1, exponent)], time, scaled)
        mean_snr = uplink.limit_snr * limit
        above: list[Any] = [(1, exponent), (-np.log(mean_snr), self.n)]
        cones.exponential(above, [(1, self.n)], [(1, power)])
        for k in range(shape[1]):
            # Σ weight·(power − n/snr) ≤ Σ weight·n, in powers by the mean limit
            allowed = self.weight * (1 + 1 / mean_snr[:, [k]])
            cones.nonnegative([Total(allowed, self.n), Total(-self.weight, power[:, [k]])])

    def solve(self) -> Solution:
        """Hand the program to Clarabel."""
        return self.cones.minimise(self.bound)

    def seconds(self, time: list[Any], x: Array, rounds: Numbers) -> Array:
        """Undo the scaling of a time, for each of so many (scaled) rounds."""
        [(value, variable)] = time
        return self.time_unit_s * value * x[variable] / rounds


def _times(factor: Numbers, terms: list[Total]) -> list[Total]:
    return [Total(np.multiply(factor, value), variable) for value, variable in terms]


def rounds_unit(problem: Problem) -> float:
    """Bound the rounds that the budgets allow, to scale them by; no optimum depends on it."""
    s, scheme, work = problem.scenario, problem.scheme, problem.work
    tau_s, budget_j = s.delay_budget_s, s.energy_budget_j
    server_batch = s.pretrain_batch_size_limit if scheme.fixed_batch else 1
    device_batch = s.finetune_batch_size_limit if scheme.fixed_batch else 1

    def computing(processor: Processor, batch: Numbers) -> float:
        # limit_w · (least · X)³ / τ² <= E and least · X <= τ
        busy_s = np.minimum(tau_s, np.cbrt(budget_j * tau_s**2 / processor.limit_w))
        return float(np.min(busy_s / (processor.least_s * batch)))

    server = min(float(s.max_pretrain_rounds), computing(work.server, server_batch))
    round_s = np.min(np.max(work.download_s + work.uplink.least_s, axis=-1))
    devices = min(
        float(s.max_finetune_rounds),
        computing(work.devices, device_batch),
        float(tau_s / round_s),
        float(budget_j / np.min(work.download_j)),
    )
    terms = problem.terms
    rounds = (
        server * scheme.pretrains * terms.pretrain_weight
        + devices * scheme.finetunes * terms.finetune_weight
        + terms.more_rounds
    )
    return float(np.clip(rounds, 1, MOST_ROUNDS))
