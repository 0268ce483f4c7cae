"""What a step tells beside its observation: the same keys for one copy and for many."""

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.reward import reward_terms
from edgegym.lifecycle.rounds import Lifecycle
from edgegym.lifecycle.state import DELAY, ENERGY, EndCode, State, rounds_of_stage
from edgegym.physics import Array


def info_of(lifecycle: Lifecycle, before: State, after: State) -> dict[str, Array]:
    """Write the information about a step, (C,) each.

    Parameters
    ----------
    lifecycle : the system's rules, budgets and learner
    before, after : what the step led from and to
    """
    rules = lifecycle.rules
    delay_s, energy_j = after.totals[DELAY], after.totals[ENERGY]
    left = lifecycle.budget - after.totals[: ENERGY + 1]
    added = after.excess  # the same array, of zeros, where nothing is and was exceeded
    if after.excess is not before.excess:
        added = np.maximum(after.excess - before.excess, 0.0)
    own_limits = zip(rules.limits, after.excess[ENERGY + 1 :], strict=True)
    return {
        "stage": after.stage,
        "round": rounds_of_stage(after, len(rules.stages)).astype(int),
        "loss": after.loss,
        "validation_loss": after.validation[0],
        "validation_accuracy": after.validation[1],
        "delay_s": delay_s,
        "energy_j": energy_j,
        "delay_left_s": left[DELAY],
        "energy_left_j": left[ENERGY],
        "cost": np.add.reduce(added, axis=0),
        "cost_delay": added[DELAY],
        "cost_energy": added[ENERGY],
        **{f"cost_{name}": excess for name, excess in own_limits},
        **dict(zip(rules.measures, after.measured, strict=True)),
        "end_code": after.end_code,
        "is_success": _succeeded(after),
        **reward_terms(rules, before, after),
    }


def _succeeded(state: State) -> NDArray[np.bool_]:
    """Say who ended with no limit exceeded and without having diverged."""
    ended = state.ended
    if not np.count_nonzero(ended):
        return ended
    return ended & (state.end_code != EndCode.DIVERGED.value) & ~state.excess.any(axis=0)
