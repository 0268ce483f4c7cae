"""The rules of partitioned edge learning: what a round costs, and what an episode shows."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.draws import BlockDraws, fading_gains
from edgegym.lifecycle.observed import Shown
from edgegym.lifecycle.parts import Simplex
from edgegym.lifecycle.state import DELAY, ENERGY, ROUNDS, State
from edgegym.physics import Array
from edgegym.systems.partitioned.costs import round_cost
from edgegym.systems.partitioned.decision import (
    CommonDecision,
    PartitionedDecision,
    SeparateDecision,
)
from edgegym.systems.partitioned.scenario import PartitionedScenario

#: Decades of the logarithms that are shown: losses by that of a guess, gains by their mean.
LOSS_DECADES, GAIN_DECADES = (-4.0, 1.0), (-4.0, 2.0)
#: Loss of a guess among the ten classes of both data sets, nats.
GUESS_LOSS = math.log(10)


class Draw(NamedTuple):
    """What the coming round meets, (K, C) each."""

    uplink_gain: Array
    downlink_gain: Array


class PartitionedRules:
    """One stage; every round all groups update their blocks.

    Where a band is used in turn for both directions, fading is the same in both.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> rules = PartitionedRules(load_scenario("partitioned-digits"))
    >>> equal = CommonDecision(np.full((1, 5), 1570.0), np.full((1, 10), 0.1))
    >>> draw = rules.draw(np.array([1]), np.zeros((3, 1)))
    >>> rules.added(np.array([0]), equal, draw).round(4)[:, 0]
    array([0.1084, 0.0868, 1.    ])
    """

    stages = ("round",)
    n_own_sums = 0
    measures, rewards, limits = (), (), ()
    initial_loss = GUESS_LOSS

    def __init__(self, scenario: PartitionedScenario) -> None:
        s = self.scenario = scenario
        self.round_limits = (s.max_rounds,)
        self.fades = s.channel_mode == "per-round"
        self.is_random = s.channel_mode != "fixed"
        is_common = s.bandwidth_sharing == "common"
        self.decision: type[PartitionedDecision] = CommonDecision if is_common else SeparateDecision
        names = ["bandwidth_share"] if is_common else ["downlink_share", "uplink_share"]
        blocks = Simplex("block_size", s.n_groups, s.n_parameters, unit="parameters")
        self.parts = (blocks, *(Simplex(name, s.n_workers) for name in names))
        self.shown = _shown(s)
        gains = partial(fading_gains, mean_path_gain=s.mean_path_gain, n=s.n_workers)
        self._gains = BlockDraws(gains, per_round=self.fades)

    def draws_anew(self, stage: NDArray[np.int_]) -> bool:
        """Say whether rounds differ."""
        return self.fades

    def draw(self, seeds: NDArray[np.int64], totals: Array) -> Draw:
        """Draw the gains of the coming round."""
        s = self.scenario
        if s.channel_mode == "fixed":
            fixed = s.uplink_gain[:, np.newaxis], s.downlink_gain[:, np.newaxis]
            return Draw._make(np.broadcast_to(g, (s.n_workers, seeds.size)) for g in fixed)
        uplink, downlink = self._gains.at(seeds, totals[ROUNDS])
        return Draw(uplink, uplink if s.bandwidth_sharing == "common" else downlink)

    def added(self, stage: NDArray[np.int_], decision: PartitionedDecision, draw: Draw) -> Array:
        """Write what one round adds to the totals: delay, energy, a round."""
        cost = round_cost(
            self.scenario,
            block_size=decision.block_size,
            downlink_share=decision.downlink_share,
            uplink_share=decision.uplink_share,
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
        s, k = self.scenario, self.scenario.n_workers
        energy_j = math.inf if s.energy_budget_j is None else s.energy_budget_j
        ratios = np.empty((5 + 2 * k, state.stage.size))
        ratios[0] = state.totals[ROUNDS] / s.max_rounds
        ratios[1] = 1 - state.totals[DELAY] / s.delay_budget_s
        ratios[2] = 1 - state.totals[ENERGY] / energy_j
        ratios[3] = state.loss / GUESS_LOSS
        ratios[4] = state.validation[0] / GUESS_LOSS
        ratios[5 : 5 + k] = state.draw.uplink_gain / s.mean_path_gain
        ratios[5 + k :] = state.draw.downlink_gain / s.mean_path_gain
        return ratios


def _shown(s: PartitionedScenario) -> tuple[Shown, ...]:
    return (
        Shown("rounds_share"),
        Shown("delay_left_share"),
        Shown("energy_left_share"),
        Shown("loss_log", decades=LOSS_DECADES),
        Shown("validation_loss_log", decades=LOSS_DECADES),
        Shown("uplink_gain_log", s.n_workers, decades=GAIN_DECADES),
        Shown("downlink_gain_log", s.n_workers, decades=GAIN_DECADES),
    )
