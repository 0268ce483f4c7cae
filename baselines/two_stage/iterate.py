"""Where an iteration of Algorithm 1 linearises, and what it ends with: real batches or integers."""

from typing import NamedTuple

import numpy as np

from baselines.two_stage.problem import Problem
from baselines.two_stage.program import SAMPLES
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.rounding import Rounded
from baselines.two_stage.times import Times
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR

#: Rounds of the stages, (M, N).
Cell = tuple[int, int]


class LocalPoint(NamedTuple):
    """Where iteration o linearises, as shares of the limits and hundreds of samples."""

    inverse_batch: float  # D̃′
    inverse_batch_k: Array  # B̃_k′
    tx_power: Array  # p_k / p_k^max

    def towards(self, other: "LocalPoint") -> "LocalPoint":
        """Give the point halfway to another.

        Examples
        --------
        >>> near, far = (LocalPoint(b, np.array([b]), np.array([0.5])) for b in (1.0, 2.0))
        >>> far.towards(near).inverse_batch
        1.5
        """
        return LocalPoint(
            (self.inverse_batch + other.inverse_batch) / 2,
            (self.inverse_batch_k + other.inverse_batch_k) / 2,
            (self.tx_power + other.tx_power) / 2,
        )


class Iterate(NamedTuple):
    """A solution of (P3.o): batches in hundreds of samples, clocks by their limits.

    Of a stage that is not run the batches are one sample, and it stays where it was linearised.
    """

    gradient_norm_bound: float  # (34)
    batch: float
    batch_k: Array
    clock: float
    clock_k: Array
    next_point: LocalPoint  # iteration o + 1 linearises where o ended

    def relaxation(self, cell: Cell) -> Relaxation:
        """Write it in samples."""
        return Relaxation(
            gradient_norm_bound=self.gradient_norm_bound,
            n_pretrain_rounds=cell[0],
            n_finetune_rounds=cell[1],
            pretrain_batch_size=SAMPLES * self.batch,
            finetune_batch_size=SAMPLES * self.batch_k,
        )

    def rounded(self, problem: Problem, cell: Cell) -> Rounded:
        """Round its batches to the nearest integers, line 9 of Algorithm 1.

        Clocks and powers stay the solver's own, so a batch that is rounded up takes longer.
        """
        work, uplink = problem.work, problem.work.uplink
        batch, batch_k = np.rint(SAMPLES * self.batch), np.rint(SAMPLES * self.batch_k)
        clock, clock_k = (np.clip(part, CLOCK_FLOOR, 1) for part in (self.clock, self.clock_k))
        snr = uplink.limit_snr * self.next_point.tx_power
        snr = np.clip(snr, uplink.floor_snr, uplink.limit_snr)
        total = batch_k.sum()
        return Rounded(
            gradient_norm_bound=float(problem.terms.bound(*cell, batch, total)),
            integers=np.array([*cell, batch, total, *batch_k]),
            times=Times(
                server_s=work.server.least_s * batch / clock,
                computing_s=work.devices.least_s * batch_k / clock_k,
                upload_s=uplink.nats_s / np.log1p(snr),
                energy_j=np.asarray(np.nan),
            ),
        )


def first_iterate(problem: Problem, cell: Cell, point: LocalPoint) -> Iterate:
    """Take the first local point, which fits the budgets, for what no solver improves on."""
    batch, batch_k = 1 / point.inverse_batch, 1 / point.inverse_batch_k
    bound = problem.terms.bound(*cell, SAMPLES * batch, SAMPLES * batch_k.sum())
    return Iterate(float(bound), batch, batch_k, 1.0, np.ones_like(batch_k), point)
