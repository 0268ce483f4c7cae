"""The rules of split fine-tuning: what a round costs, and what an episode shows."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.discrete import Choice
from edgegym.lifecycle.draws import BlockDraws, fading_gains
from edgegym.lifecycle.observed import Shown
from edgegym.lifecycle.parts import LogBox, Simplex
from edgegym.lifecycle.state import DELAY, ENERGY, ROUNDS, State
from edgegym.physics import Array
from edgegym.systems.split.costs import averaging_cost, round_cost, start_cost
from edgegym.systems.split.decision import SplitDecision
from edgegym.systems.split.law import load_law
from edgegym.systems.split.referee import memory_share
from edgegym.systems.split.scenario import SplitScenario

#: Rows of the totals after the rounds: where it was split, the law's rounds, bits, memory.
LAYER, RANK, PROGRESS, TRAFFIC, MEMORY = range(ROUNDS + 1, ROUNDS + 6)
#: Decades of the logarithms that are shown: losses by that of a guess, gains by their mean.
LOSS_DECADES, GAIN_DECADES = (-4.0, 1.0), (-4.0, 2.0)
#: Loss of a guess among ten classes, nats.
GUESS_LOSS = math.log(10)
BITS_PER_MB = 8e6


class Draw(NamedTuple):
    """What the coming round meets, and what has been settled before it."""

    uplink_gain: Array  # (K, C)
    downlink_gain: Array  # (K, C)
    round: Array  # (C,) rounds done
    layer: Array  # (C,), and no meaning before the first round
    rank: Array  # (C,)
    memory: Array  # (C,) the largest share of its memory that a device has needed


class SplitRules:
    """One stage; the first round says where the network is split, for the whole episode.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> rules = SplitRules(load_scenario("split-digits"))
    >>> equal = np.full((1, 4), 0.25)
    >>> decision = SplitDecision(*np.array([[2.0], [4.0], [8.0]]), equal, equal)
    >>> totals = np.zeros((8, 1))
    >>> first = rules.added(np.array([0]), decision, rules.draw(np.array([1]), totals))
    >>> second = rules.added(np.array([0]), decision, rules.draw(np.array([1]), first))
    >>> first[[DELAY, LAYER, RANK], 0].round(3), second[[DELAY, LAYER, RANK], 0].round(3)
    (array([0.515, 2.   , 4.   ]), array([0.151, 0.   , 0.   ]))
    """

    stages = ("round",)
    n_own_sums = 5
    measures = ("expected_error", "traffic_mb", "split_layer", "split_rank")
    rewards = ("law",)
    limits = ("memory",)
    initial_loss = GUESS_LOSS

    def __init__(self, scenario: SplitScenario) -> None:
        s = self.scenario = scenario
        self.law = load_law(s)
        self.round_limits = (s.max_rounds,)
        self.is_random = s.channel_mode != "fixed"
        self.decision = SplitDecision
        least, most = np.array(float(s.least_batch_size)), np.array(float(s.batch_size_limit))
        self.parts = (
            Choice("layer", tuple(s.layer_options)),
            Choice("rank", tuple(s.rank_options)),
            LogBox("batch_size", "samples", least, most, whole=True),
            Simplex("uplink_share", s.n_devices),
            Simplex("downlink_share", s.n_devices),
        )
        self.shown = (
            *(Shown(f"{name}_share") for name in ("rounds", "delay_left", "energy_left")),
            *(Shown(f"{name}_share") for name in ("layer", "crossing")),
            Shown("expected_error"),
            *(Shown(f"{name}_log", decades=LOSS_DECADES) for name in ("loss", "validation_loss")),
            Shown("uplink_gain_log", s.n_devices, decades=GAIN_DECADES),
            Shown("downlink_gain_log", s.n_devices, decades=GAIN_DECADES),
        )
        fades = s.channel_mode == "per-round"
        gains = partial(fading_gains, mean_path_gain=s.mean_path_gain, n=s.n_devices)
        self._gains = BlockDraws(gains, per_round=fades)

    def draws_anew(self, stage: NDArray[np.int_]) -> bool:
        """Say that rounds differ: the first one splits, and now and then halves are averaged."""
        return True

    def draw(self, seeds: NDArray[np.int64], totals: Array) -> Draw:
        """Draw the gains of the coming round, and look up what is settled."""
        s = self.scenario
        if s.channel_mode == "fixed":
            shape = s.n_devices, seeds.size
            fixed = s.uplink_gain[:, np.newaxis], s.downlink_gain[:, np.newaxis]
            up, down = (np.broadcast_to(gain, shape) for gain in fixed)
        else:
            up, down = self._gains.at(seeds, totals[ROUNDS])
        return Draw(up, down, totals[ROUNDS], totals[LAYER], totals[RANK], totals[MEMORY])

    def added(self, stage: NDArray[np.int_], decision: SplitDecision, draw: Draw) -> Array:
        """Write what one round adds to the totals."""
        s, first = self.scenario, draw.round == 0
        layer, rank = (
            np.where(first, asked, settled)
            for asked, settled in ((decision.layer, draw.layer), (decision.rank, draw.rank))
        )
        gains = draw.uplink_gain.T, draw.downlink_gain.T
        batch, shares = decision.batch_size, (decision.uplink_share, decision.downlink_share)
        cost = round_cost(s, layer, rank, batch, *shares, *gains)
        cost = cost.plus(start_cost(s, layer, rank, *gains), first)
        averages = (draw.round + 1) % s.averaging_interval == 0
        cost = cost.plus(averaging_cost(s, layer, rank, *gains), averages)
        needed = np.maximum(memory_share(s, layer, rank, batch) - draw.memory, 0.0)
        return np.stack(
            [
                cost.delay_s,
                cost.energy_j,
                np.ones(stage.size),
                np.where(first, layer, 0.0),
                np.where(first, rank, 0.0),
                self.law.progress(batch),
                cost.traffic_bits,
                needed,
            ]
        )

    def measure(self, totals: Array) -> Array:
        """Measure the error that the law expects, what was sent in MB, and where it was split."""
        begun = totals[ROUNDS] > 0
        layer = np.where(begun, totals[LAYER], self.scenario.layer_options[0])
        rank = np.where(begun, totals[RANK], 0)
        accuracy = self.law.accuracy(*self.law.known(layer, rank), totals[PROGRESS])
        accuracy = np.where(begun, accuracy, self.law.start_accuracy)
        return np.stack([1 - accuracy, totals[TRAFFIC] / BITS_PER_MB, totals[LAYER], totals[RANK]])

    def used(self, totals: Array) -> Array:
        """Give the largest share of its memory that a device has needed."""
        return totals[MEMORY : MEMORY + 1]

    def show(self, state: State) -> Array:
        """Give the ratios that an observation shows, in the order of `shown`."""
        s, k, totals = self.scenario, self.scenario.n_devices, state.totals
        energy_j = math.inf if s.energy_budget_j is None else s.energy_budget_j
        ratios = np.empty((8 + 2 * k, state.stage.size))
        ratios[0] = totals[ROUNDS] / s.max_rounds
        ratios[1] = 1 - totals[DELAY] / s.delay_budget_s
        ratios[2] = 1 - totals[ENERGY] / energy_j
        ratios[3] = totals[LAYER] / (s.n_layers + 1)
        ratios[4] = totals[RANK] / s.width
        ratios[5] = state.measured[0]
        ratios[6] = state.loss / GUESS_LOSS
        ratios[7] = state.validation[0] / GUESS_LOSS
        ratios[8 : 8 + k] = state.draw.uplink_gain / s.mean_path_gain
        ratios[8 + k :] = state.draw.downlink_gain / s.mean_path_gain
        return ratios
