"""The rules of the two-stage system: what a round costs and adds, and what an episode shows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.draws import BLOCK_ROUNDS, BlockDraws, fading_gains
from edgegym.lifecycle.observed import Shown, log_share
from edgegym.lifecycle.parts import LogBox
from edgegym.lifecycle.state import ENERGY, ROUNDS, State
from edgegym.physics import Array, radio
from edgegym.systems.two_stage.bound import bound_terms
from edgegym.systems.two_stage.costs import (
    download_delay_s,
    finetune_round_cost,
    pretrain_round_cost,
)
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR, Scenario
from edgegym.systems.two_stage.stragglers import block_clock_shares

#: Decades of the logarithms that are shown: losses by the initial gap, the bound by its start,
#: gains by their mean.
LOSS_DECADES, BOUND_DECADES, GAIN_DECADES = (-4.0, 1.0), (-6.0, 1.0), (-4.0, 2.0)


class Sums(NamedTuple):
    """The rows of a state's totals by name, (...) each and (K, ...) powers."""

    delay_s: Array
    energy_j: Array
    n_pretrain_rounds: Array  # whole numbers
    n_finetune_rounds: Array
    pretrain_inverse_batch_sum: Array  # Λ
    finetune_inverse_batch_sum: Array  # Ω
    tx_power_sum_w: Array

    @property
    def mean_tx_power_w(self) -> Array:
        """Mean power over the fine-tuning rounds run, (K, ...), left side of (10)."""
        return radio.mean_tx_power_w(self.tx_power_sum_w, self.n_finetune_rounds)


def sums_of(totals: Array) -> Sums:
    """Name the rows of totals, (6 + K, ...)."""
    return Sums._make([*totals[:6], totals[6:]])


class Draw(NamedTuple):
    """What the coming fine-tuning round meets, and what follows from that alone.

    (K, C) each, or (K, 1) where it is the same for all copies.
    """

    uplink_gain: Array
    downlink_gain: Array
    clock_share: Array  # 1 where a device does not straggle
    download_s: Array
    gain_logs: Array  # (2K, ...), both gains as they are shown


PRETRAIN, FINETUNE = Stage.PRETRAIN.value, Stage.FINETUNE.value


class TwoStageRules:
    """Equations (10)-(21) and (34) as the lifecycle asks for them.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> rules = TwoStageRules(load_scenario("mnist"))
    >>> draw = rules.draw(np.array([1]), np.zeros((9, 1)))
    >>> decision = Decision([False], np.array([700]), np.array([1.6e9]), *np.ones((3, 1, 3)))
    >>> sums = sums_of(rules.added(np.array([Stage.PRETRAIN.value]), decision, draw))
    >>> sums.delay_s, sums.n_pretrain_rounds
    (array([0.4375]), array([1.]))
    """

    stages = ("pretrain", "finetune")
    decision = Decision
    measures, rewards, limits = ("gradient_norm_bound",), ("bound",), ("power",)

    def __init__(self, scenario: Scenario) -> None:
        s = self.scenario = scenario
        self.round_limits = s.max_pretrain_rounds, s.max_finetune_rounds
        self.n_own_sums = 2 + s.n_devices
        self.initial_loss = s.initial_loss_gap
        self.straggles = s.straggler_probability > 0
        self.fades = s.channel_mode == "per-round"
        self.varies = s.channel_mode != "fixed"
        self.is_random = self.varies or self.straggles
        self.parts = _parts(s)
        self.shown = _shown(s)
        self._draws = BlockDraws(self._block, self.fades or self.straggles)
        self._fixed = self._block(0, 0)[:, :1]
        self._terms = bound_terms(s)
        self._round_limits = np.array(self.round_limits)[:, np.newaxis]
        self._budgets = np.array([[s.delay_budget_s], [s.energy_budget_j]])
        self._peak_power_w = s.device_tx_power_peak_limit_w[:, np.newaxis]
        self._mean_power_w = s.device_tx_power_mean_limit_w[:, np.newaxis]

    def draws_anew(self, stage: NDArray[np.int_]) -> bool:
        """Say whether rounds differ: those of fine-tuning, under fading or with stragglers."""
        differ = self.fades or self.straggles
        return differ and bool(np.count_nonzero(stage == FINETUNE))

    def draw(self, seeds: NDArray[np.int64], totals: Array) -> Draw:
        """Draw the gains and the stragglers of the coming fine-tuning round."""
        rows = self._draws.at(seeds, totals[ROUNDS + 1]) if self.is_random else self._fixed
        k = self.scenario.n_devices
        uplink, downlink, share, download_s = rows[: 4 * k].reshape(4, k, -1)
        return Draw(uplink, downlink, share, download_s, gain_logs=rows[4 * k :])

    def _block(self, seed: int, block: int) -> Array:
        """Draw all rows of `Draw` for a block of rounds, (6K, `BLOCK_ROUNDS`)."""
        s = self.scenario
        if self.varies:
            gains = fading_gains(seed, block if self.fades else 0, s.mean_path_gain, s.n_devices)
        else:
            gains = np.stack([s.uplink_gain, s.downlink_gain])[..., np.newaxis]
        if not self.fades:
            gains = np.broadcast_to(gains[..., :1], (2, s.n_devices, BLOCK_ROUNDS))
        uplink, downlink = gains
        return np.concatenate(
            [
                uplink,
                downlink,
                block_clock_shares(s, seed, block),
                download_delay_s(s, downlink.T).T,
                log_share(np.concatenate(gains) / s.mean_path_gain, GAIN_DECADES),
            ]
        )

    def added(self, stage: NDArray[np.int_], decision: Decision, draw: Draw) -> Array:
        """Write what one round adds to the totals, in the order of `Sums`."""
        pretraining = stage == PRETRAIN
        n_pretraining = np.count_nonzero(pretraining)
        if n_pretraining == stage.size:
            return self._pretrained(decision)
        finetuned = self._finetuned(decision, draw)
        if not n_pretraining:
            return finetuned
        return np.where(pretraining, self._pretrained(decision), finetuned)

    def _pretrained(self, decision: Decision) -> Array:
        batch_size = decision.server_batch_size
        added = np.zeros((6 + self.scenario.n_devices, batch_size.size))
        added[:2] = pretrain_round_cost(
            self.scenario, batch_size=batch_size, clock_hz=decision.server_clock_hz
        )
        added[2] = 1
        np.divide(1, batch_size, out=added[4])
        return added

    def _finetuned(self, decision: Decision, draw: Draw) -> Array:
        batch_size, power_w = decision.finetune_batch_size, decision.device_tx_power_w
        clock_hz = decision.device_clock_hz
        added = np.zeros((6 + self.scenario.n_devices, len(batch_size)))
        added[:2] = finetune_round_cost(
            self.scenario,
            batch_size=batch_size,
            clock_hz=clock_hz * draw.clock_share.T if self.straggles else clock_hz,
            tx_power_w=power_w,
            uplink_gain=draw.uplink_gain.T,
            download_s=draw.download_s.T,
        )
        added[3] = 1
        np.divide(1, np.add.reduce(batch_size, axis=-1), out=added[5])
        added[6:] = power_w.T
        return added

    def measure(self, totals: Array) -> Array:
        """Bound (34) of the rounds run; before the first one, what (34) starts from."""
        m, n, *inverse_batch_sums = totals[2:6]
        return self._terms.of_sums(m + n, *inverse_batch_sums)[np.newaxis]

    def used(self, totals: Array) -> Array:
        """Mean power of the device nearest to its limit (10), as a ratio."""
        mean_power_w = radio.mean_tx_power_w(totals[6:], totals[ROUNDS + 1])
        return np.maximum.reduce(mean_power_w / self._mean_power_w, axis=0, keepdims=True)

    def show(self, state: State) -> Array:
        """Give the ratios that an observation shows, in the order of `shown`."""
        s, k, totals = self.scenario, self.scenario.n_devices, state.totals
        ratios = np.empty((8 + 3 * k, state.stage.size))
        ratios[0] = state.stage != PRETRAIN
        np.divide(totals[ROUNDS : ROUNDS + 2], self._round_limits, out=ratios[1:3])
        np.subtract(1, totals[: ENERGY + 1] / self._budgets, out=ratios[3:5])
        np.divide(state.loss, s.initial_loss_gap, out=ratios[5])
        np.divide(state.validation[0], s.initial_loss_gap, out=ratios[6])
        np.divide(state.measured[0], self._terms.start, out=ratios[7])
        mean_power_w = radio.mean_tx_power_w(totals[6:], totals[ROUNDS + 1])
        np.divide(mean_power_w, self._peak_power_w, out=ratios[8 : 8 + k])
        ratios[8 + k :] = state.draw.gain_logs
        return ratios


def _parts(s: Scenario) -> tuple[LogBox, ...]:
    one, clock_hz, power_w = np.array(1.0), s.device_clock_limit_hz, s.device_tx_power_peak_limit_w
    server_batch, server_hz = np.array(float(s.pretrain_batch_size_limit)), s.server_clock_limit_hz
    device_batch = s.finetune_batch_size_limit.astype(float)
    return (
        LogBox("server_batch_size", "samples", one, server_batch, whole=True),
        LogBox("server_clock_hz", "Hz", np.array(CLOCK_FLOOR * server_hz), np.array(server_hz)),
        LogBox("finetune_batch_size", "samples", np.ones(s.n_devices), device_batch, whole=True),
        LogBox("device_clock_hz", "Hz", CLOCK_FLOOR * clock_hz, clock_hz),
        LogBox("device_tx_power_w", "W", POWER_FLOOR * power_w, power_w),
    )


def _shown(s: Scenario) -> tuple[Shown, ...]:
    return (
        Shown("finetuning"),
        Shown("pretrain_rounds_share"),
        Shown("finetune_rounds_share"),
        Shown("delay_left_share"),
        Shown("energy_left_share"),
        Shown("loss_log", decades=LOSS_DECADES),
        Shown("validation_loss_log", decades=LOSS_DECADES),
        Shown("gradient_norm_bound_log", decades=BOUND_DECADES),
        Shown("mean_tx_power_share", s.n_devices),
        Shown("uplink_gain_log", s.n_devices),
        Shown("downlink_gain_log", s.n_devices),
    )
