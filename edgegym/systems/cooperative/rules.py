"""The rules of cooperative fine-tuning: what a round costs, and what an episode shows."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.errors import InputError
from edgegym.lifecycle.discrete import Assignment
from edgegym.lifecycle.draws import BlockDraws, fading_gains
from edgegym.lifecycle.observed import Shown
from edgegym.lifecycle.parts import LogBox, Simplex
from edgegym.lifecycle.state import DELAY, ENERGY, ROUNDS, State
from edgegym.physics import Array
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.costs import round_cost
from edgegym.systems.cooperative.decision import CooperativeDecision
from edgegym.systems.cooperative.scenario import CooperativeScenario

#: Decades of the logarithms that are shown: losses by that of a guess, gains by their mean.
LOSS_DECADES, GAIN_DECADES = (-4.0, 1.0), (-4.0, 2.0)
#: Loss of a guess among ten classes, nats.
GUESS_LOSS = math.log(10)


class Draw(NamedTuple):
    """What the coming round meets, (K, C) each."""

    uplink_gain: Array
    downlink_gain: Array


class CooperativeRules:
    """One stage; every round each block's gradient is computed by the device that takes it.

    Raises
    ------
    InputError
        If the devices cannot hold the blocks, each a device of its own.

    Examples
    --------
    >>> from edgegym.systems.cooperative.worked import worked_scenario
    >>> rules = CooperativeRules(worked_scenario())
    >>> one = CooperativeDecision(np.array([[2, 1, 3]]), np.full((1, 4), 0.25), np.ones(1))
    >>> draw = rules.draw(np.array([1]), np.zeros((3, 1)))
    >>> rules.added(np.array([0]), one, draw).round(4)[[0, 2], 0]
    array([4.5, 1. ])
    """

    stages = ("round",)
    decision = CooperativeDecision
    n_own_sums = 0
    measures, rewards, limits = (), (), ()
    initial_loss = GUESS_LOSS

    def __init__(self, scenario: CooperativeScenario) -> None:
        s = self.scenario = scenario
        if sentence := blocks.lacking(s):
            raise InputError(sentence)
        self.round_limits = (s.max_rounds,)
        self.fades = s.channel_mode == "per-round"
        self.is_random = s.channel_mode != "fixed"
        batch = np.array(float(s.least_batch_size)), np.array(float(s.batch_size_limit))
        self.parts = (
            Assignment("block_device", blocks.able(s), blocks.able_alone(s)),
            Simplex("bandwidth_share", s.n_devices),
            LogBox("batch_size", "samples", *batch, whole=True),
        )
        self.shown = (
            Shown("rounds_share"),
            Shown("delay_left_share"),
            Shown("energy_left_share"),
            Shown("loss_log", decades=LOSS_DECADES),
            Shown("validation_loss_log", decades=LOSS_DECADES),
            Shown("uplink_gain_log", s.n_devices, decades=GAIN_DECADES),
        )
        gains = partial(fading_gains, mean_path_gain=s.mean_path_gain, n=s.n_devices)
        self._gains = BlockDraws(gains, per_round=self.fades)

    def draws_anew(self, stage: NDArray[np.int_]) -> bool:
        """Say whether rounds differ."""
        return self.fades

    def draw(self, seeds: NDArray[np.int64], totals: Array) -> Draw:
        """Draw the gains of the coming round."""
        s = self.scenario
        if s.channel_mode == "fixed":
            fixed = s.uplink_gain[:, np.newaxis], s.downlink_gain[:, np.newaxis]
            return Draw._make(np.broadcast_to(g, (s.n_devices, seeds.size)) for g in fixed)
        return Draw._make(self._gains.at(seeds, totals[ROUNDS]))

    def added(self, stage: NDArray[np.int_], decision: CooperativeDecision, draw: Draw) -> Array:
        """Write what one round adds to the totals: delay, energy, a round."""
        cost = round_cost(
            self.scenario,
            **decision._asdict(),
            uplink_gain=draw.uplink_gain.T,
            downlink_gain=draw.downlink_gain.T,
        )
        return np.stack([cost.delay_s, cost.energy_j, np.ones(stage.size)])

    def measure(self, totals: Array) -> Array:
        """Measure nothing but what is trained."""
        return np.empty((0, totals.shape[1]))

    def used(self, totals: Array) -> Array:
        """Know no limit but the budgets."""
        return np.empty((0, totals.shape[1]))

    def show(self, state: State) -> Array:
        """Give the ratios that an observation shows, in the order of `shown`."""
        s = self.scenario
        energy_j = math.inf if s.energy_budget_j is None else s.energy_budget_j
        ratios = np.empty((5 + s.n_devices, state.stage.size))
        ratios[0] = state.totals[ROUNDS] / s.max_rounds
        ratios[1] = 1 - state.totals[DELAY] / s.delay_budget_s
        ratios[2] = 1 - state.totals[ENERGY] / energy_j
        ratios[3] = state.loss / GUESS_LOSS
        ratios[4] = state.validation[0] / GUESS_LOSS
        ratios[5:] = state.draw.uplink_gain / s.mean_path_gain
        return ratios
