"""The rules: what a round adds, and what an episode shows."""

from typing import Any, NamedTuple

import numpy as np

from edgegym.lifecycle.observed import Shown
from edgegym.lifecycle.parts import LogBox
from edgegym.lifecycle.state import DELAY, ROUNDS
from toy.costs import round_cost


class SensorDecision(NamedTuple):
    n_readings: Any  # (..., K)


class NoDraw(NamedTuple):
    """Nothing is drawn."""


class SensorRules:
    stages = ("round",)
    n_own_sums = 1  # readings
    measures, rewards, limits = (), (), ()
    initial_loss = 1.0
    is_random = False
    decision = SensorDecision
    shown = (Shown("rounds_share"), Shown("delay_left_share"), Shown("loss_log", decades=(-4, 1)))

    def __init__(self, scenario):
        self.scenario, self.round_limits = scenario, (scenario.max_rounds,)
        limit = scenario.readings_limit.astype(float)
        self.parts = (LogBox("n_readings", "readings", np.ones(limit.size), limit, whole=True),)

    def draws_anew(self, stage):
        return False

    def draw(self, seeds, totals):
        return NoDraw()

    def added(self, stage, decision, draw):
        delay_s, energy_j = round_cost(self.scenario, decision.n_readings)
        n_readings = decision.n_readings.sum(axis=-1)
        return np.stack([delay_s, energy_j, np.ones(stage.size), n_readings])

    def measure(self, totals):
        return np.empty((0, totals.shape[1]))

    def used(self, totals):
        return np.empty((0, totals.shape[1]))

    def show(self, state):
        s = self.scenario
        left = 1 - state.totals[DELAY] / s.delay_budget_s
        return np.stack([state.totals[ROUNDS] / s.max_rounds, left, state.loss])
