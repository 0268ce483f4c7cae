"""The ledger: how far the lifecycle has come and what it has spent."""

from dataclasses import dataclass, field

import numpy as np

from edgegym.lifecycle.state import EndCode
from edgegym.physics import Array, radio
from edgegym.systems.two_stage.bound import gradient_norm_bound
from edgegym.systems.two_stage.costs import (
    TOLERANCE,
    Cost,
    finetune_round_cost,
    pretrain_round_cost,
)
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.scenario import Scenario


@dataclass
class Ledger:
    """Rounds, delay, energy, power and inverse batches of one episode so far."""

    scenario: Scenario
    stage: Stage = Stage.PRETRAIN
    n_pretrain_rounds: int = 0
    n_finetune_rounds: int = 0
    delay_s: float = 0.0
    energy_j: float = 0.0
    pretrain_inverse_batch_sum: float = 0.0
    finetune_inverse_batch_sum: float = 0.0
    tx_power_sum_w: Array = field(init=False)

    def __post_init__(self) -> None:
        self.tx_power_sum_w = np.zeros(self.scenario.n_devices)

    @property
    def round(self) -> int:
        """Rounds done in the present stage, or in the last one."""
        return self.n_pretrain_rounds if self.stage == Stage.PRETRAIN else self.n_finetune_rounds

    @property
    def mean_tx_power_w(self) -> Array:
        """Mean power over the fine-tuning rounds run, left side of (10)."""
        return radio.mean_tx_power_w(self.tx_power_sum_w, self.n_finetune_rounds)

    @property
    def gradient_norm_bound(self) -> float:
        """Bound (34) of the rounds run; before the first one, what (34) starts from."""
        if self.n_pretrain_rounds + self.n_finetune_rounds == 0:
            return self._bound(1, 0, 0.0, 0.0)
        return self._bound(
            self.n_pretrain_rounds,
            self.n_finetune_rounds,
            self.pretrain_inverse_batch_sum,
            self.finetune_inverse_batch_sum,
        )

    def _bound(self, m: int, n: int, pretrain_sum: float, finetune_sum: float) -> float:
        return float(
            gradient_norm_bound(
                self.scenario,
                n_pretrain_rounds=m,
                n_finetune_rounds=n,
                pretrain_inverse_batch_sum=pretrain_sum,
                finetune_inverse_batch_sum=finetune_sum,
            )
        )

    def excess(self) -> tuple[float, float, float]:
        """Measure by how much delay (35e), energy (35f) and mean power (10) exceed their limits."""
        s = self.scenario
        ratios = (
            self.delay_s / s.delay_budget_s,
            self.energy_j / s.energy_budget_j,
            float(np.max(self.mean_tx_power_w / s.device_tx_power_mean_limit_w)),
        )
        delay, energy, power = (r - 1 if r > 1 + TOLERANCE else 0.0 for r in ratios)
        return delay, energy, power

    def cost(self, decision: Decision, gains: tuple[Array, Array]) -> Cost:
        """Delay and energy of the round that a decision asks for."""
        if self.stage == Stage.PRETRAIN:
            return pretrain_round_cost(
                self.scenario,
                batch_size=decision.server_batch_size,
                clock_hz=decision.server_clock_hz,
            )
        return finetune_round_cost(
            self.scenario,
            batch_size=decision.batch_size,
            clock_hz=decision.clock_hz,
            tx_power_w=decision.tx_power_w,
            uplink_gain=gains[0],
            downlink_gain=gains[1],
        )

    def misfit(self, cost: Cost) -> EndCode:
        """Say which budget a round does not fit in, if any."""
        s = self.scenario
        if self.delay_s + cost.delay_s > s.delay_budget_s * (1 + TOLERANCE):
            return EndCode.DELAY_BUDGET
        if self.energy_j + cost.energy_j > s.energy_budget_j * (1 + TOLERANCE):
            return EndCode.ENERGY_BUDGET
        return EndCode.RUNNING

    def book(self, decision: Decision, cost: Cost) -> None:
        """Enter a round that was run; at the limit of pre-training the lifecycle moves on."""
        self.delay_s += float(cost.delay_s)
        self.energy_j += float(cost.energy_j)
        if self.stage == Stage.PRETRAIN:
            self.n_pretrain_rounds += 1
            self.pretrain_inverse_batch_sum += 1 / decision.server_batch_size
            if self.n_pretrain_rounds == self.scenario.max_pretrain_rounds:
                self.stage = Stage.FINETUNE
        else:
            self.n_finetune_rounds += 1
            self.finetune_inverse_batch_sum += 1 / float(decision.batch_size.sum())
            self.tx_power_sum_w = self.tx_power_sum_w + decision.tx_power_w
