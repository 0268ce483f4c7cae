"""The ledgers of many copies, as arrays: what `Ledger` is for one."""

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.state import EndCode
from edgegym.physics import Array, radio
from edgegym.systems.two_stage.bound import gradient_norm_bound
from edgegym.systems.two_stage.costs import (
    TOLERANCE,
    Cost,
    finetune_round_cost,
    pretrain_round_cost,
)
from edgegym.systems.two_stage.decision import Decisions, Stage
from edgegym.systems.two_stage.scenario import Scenario


class VectorLedger:
    """Stages, end codes and sums of C copies.

    All that a round adds to lies in one array `totals`, (6 + K, C): delay, energy, rounds and
    inverse batches of either stage, K powers. So a round is booked by one addition, in the order
    in which `Ledger` adds. No array is ever changed in place; what was handed out stays as it was.
    Stages and codes are plain numbers, as NumPy is slow with members of an enum.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> ledger = VectorLedger(load_scenario("mnist"), num_envs=2, budgets="hard")
    >>> round_ = np.ones_like(ledger.totals)
    >>> ledger.book(round_, np.array([True, False])), ledger.delay_s
    (array([ True, False]), array([1., 0.]))
    """

    def __init__(self, scenario: Scenario, num_envs: int, budgets: str) -> None:
        s = self.scenario = scenario
        self.totals = np.zeros((6 + s.n_devices, num_envs))
        self.stage = np.full(num_envs, Stage.PRETRAIN.value)
        self.end_code = np.full(num_envs, EndCode.RUNNING.value)
        limits = np.array([[s.delay_budget_s], [s.energy_budget_j]]) * (1 + TOLERANCE)
        self._limits = limits if budgets == "hard" else np.full((2, 1), np.inf)

    @property
    def ended(self) -> NDArray[np.bool_]:
        """Whose episode has ended, (C,)."""
        return self.end_code != EndCode.RUNNING.value

    @property
    def delay_s(self) -> Array:
        """Delay so far, (C,)."""
        return self.totals[0]

    @property
    def energy_j(self) -> Array:
        """Energy so far, (C,)."""
        return self.totals[1]

    @property
    def n_pretrain_rounds(self) -> Array:
        """Pre-training rounds done, (C,), whole numbers."""
        return self.totals[2]

    @property
    def n_finetune_rounds(self) -> Array:
        """Fine-tuning rounds done, (C,), whole numbers."""
        return self.totals[3]

    @property
    def round(self) -> NDArray[np.int_]:
        """Rounds done in the present stage, or in the last one, (C,)."""
        pretraining = self.stage == Stage.PRETRAIN.value
        return np.where(pretraining, self.n_pretrain_rounds, self.n_finetune_rounds).astype(int)

    @property
    def rounds_left(self) -> Array:
        """Rounds up to the limit of the present stage, (C,), whole numbers."""
        s, pretraining = self.scenario, self.stage == Stage.PRETRAIN.value
        left = s.max_pretrain_rounds - self.totals[2], s.max_finetune_rounds - self.totals[3]
        return np.where(pretraining, *left)

    @property
    def mean_tx_power_w(self) -> Array:
        """Mean power over the fine-tuning rounds run, (C, K), left side of (10)."""
        return radio.mean_tx_power_w(self.totals[6:], self.n_finetune_rounds).T

    @property
    def gradient_norm_bound(self) -> Array:
        """Bound (34) of the rounds run, (C,); before the first one, what (34) starts from."""
        m, n, pretrain_sum, finetune_sum = self.totals[2:6]
        return gradient_norm_bound(
            self.scenario,
            n_pretrain_rounds=np.where(m + n > 0, m, 1),
            n_finetune_rounds=n,
            pretrain_inverse_batch_sum=pretrain_sum,
            finetune_inverse_batch_sum=finetune_sum,
        )

    def excess(self) -> Array:
        """Measure by how much (35e), (35f) and (10) are exceeded, (3, C)."""
        s = self.scenario
        power = np.max(self.mean_tx_power_w / s.device_tx_power_mean_limit_w, axis=-1)
        ratios = np.stack(
            [self.delay_s / s.delay_budget_s, self.energy_j / s.energy_budget_j, power]
        )
        return np.where(ratios > 1 + TOLERANCE, ratios - 1, 0.0)

    def begin(self, copies: NDArray[np.bool_]) -> None:
        """Open new lifecycles in some copies."""
        self.totals = np.where(copies, 0.0, self.totals)
        self.stage = np.where(copies, Stage.PRETRAIN.value, self.stage)
        self.end_code = np.where(copies, EndCode.RUNNING.value, self.end_code)

    def cost(self, decisions: Decisions, gains: tuple[Array, Array]) -> Cost:
        """Delay and energy of the rounds that the decisions ask for, (C,) each."""
        pretrain = pretrain_round_cost(
            self.scenario,
            batch_size=decisions.server_batch_size,
            clock_hz=decisions.server_clock_hz,
        )
        finetune = finetune_round_cost(
            self.scenario,
            batch_size=decisions.batch_size,
            clock_hz=decisions.clock_hz,
            tx_power_w=decisions.tx_power_w,
            uplink_gain=gains[0],
            downlink_gain=gains[1],
        )
        pretraining = self.stage == Stage.PRETRAIN.value
        return Cost(
            *(np.where(pretraining, *both) for both in zip(pretrain, finetune, strict=True))
        )

    def round_of(self, decisions: Decisions, gains: tuple[Array, Array]) -> Array:
        """Write what one round adds to the totals, (6 + K, C)."""
        pretraining = self.stage == Stage.PRETRAIN.value
        finetuning = ~pretraining
        round_ = np.empty_like(self.totals)
        round_[:2] = self.cost(decisions, gains)
        round_[2], round_[3] = pretraining, finetuning
        round_[4] = pretraining / decisions.server_batch_size
        round_[5] = finetuning / decisions.batch_size.sum(axis=-1)
        round_[6:] = finetuning * decisions.tx_power_w.T
        return round_

    def book(self, round_: Array, running: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Enter a round of the running copies where it fits, and say where it did."""
        sums = self.totals + round_
        over_delay, over_energy = sums[:2] > self._limits
        run = running & ~(over_delay | over_energy)
        if (stopped := running & ~run).any():
            code = np.where(over_delay, EndCode.DELAY_BUDGET.value, EndCode.ENERGY_BUDGET.value)
            self.end_code = np.where(stopped, code, self.end_code)
        self.totals = np.where(run, sums, self.totals)
        return run

    def diverge(self, copies: NDArray[np.bool_]) -> None:
        """End the episodes whose training turned non-finite, whatever else ended them."""
        self.end_code = np.where(copies, EndCode.DIVERGED.value, self.end_code)

    def move_on(self, advancing: NDArray[np.bool_]) -> None:
        """Advance where it is asked for, and where all rounds of the stage are done."""
        done = self.rounds_left == 0
        at_limit = done & (self.stage == Stage.FINETUNE.value)
        self.end_code = np.where(at_limit, EndCode.ROUND_LIMIT.value, self.end_code)
        self.stage = self.stage + (advancing | (done & (self.stage == Stage.PRETRAIN.value)))
        self.end_code = np.where(
            self.stage == Stage.DONE.value, EndCode.FINISHED.value, self.end_code
        )
