"""The referee: the slowest sensor says how long a round takes."""

import math
from typing import NamedTuple

import numpy as np

from edgegym.errors import InputError
from edgegym.lifecycle.state import TOLERANCE


class SensorOutcome(NamedTuple):
    delay_s: float
    energy_j: float
    n_rounds: int
    violations: dict

    @property
    def total_delay_s(self):
        return self.n_rounds * self.delay_s

    @property
    def total_energy_j(self):
        return self.n_rounds * self.energy_j


def round_cost(scenario, n_readings):
    """Delay in s and energy in J of rounds (...) with (..., K) readings."""
    s = scenario
    return np.max(n_readings * s.reading_s, axis=-1), np.sum(n_readings * s.reading_j, axis=-1)


def evaluate(plan, scenario):
    if plan.n_readings.size != scenario.n_devices:
        raise InputError(
            f"plan must be made for the {scenario.n_devices} sensors of scenario "
            f"{scenario.name!r}; got a plan for {plan.n_readings.size}. Plan again."
        )
    delay_s, energy_j = map(float, round_cost(scenario, plan.n_readings))
    used = {"delay_budget_s": delay_s, "energy_budget_j": energy_j}
    budgets = {key: getattr(scenario, key) or math.inf for key in used}
    rounds = min(budgets[key] * (1 + TOLERANCE) / used[key] for key in used)
    excess = {key: used[key] / budgets[key] - 1 for key in used}
    violations = {key: value for key, value in excess.items() if value > TOLERANCE}
    return SensorOutcome(delay_s, energy_j, min(scenario.max_rounds, int(rounds)), violations)
