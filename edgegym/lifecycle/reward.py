"""The reward: named terms, each the fall of something, so that a return is the total fall."""

import numpy as np

from edgegym.lifecycle.rules import Rules
from edgegym.lifecycle.state import DELAY, State
from edgegym.physics import Array

#: What a logarithm takes for zero: a loss can fall to it on a few samples.
SMALLEST = np.array(1e-12)
#: Terms that every system has, before and after one for each of its measures.
LEARNING_REWARDS = ("loss", "log_loss", "accuracy")
DELAY_REWARDS = ("latency", "log_latency")
#: What nothing was spent of: its logarithm is 0.
WHOLE = np.array(1.0)


def reward_names(rules: Rules) -> tuple[str, ...]:
    """List the terms of a system's reward.

    `loss`, `log_loss` and `accuracy` are of the validation samples; the system's own are the falls
    of the logarithms of its first measures; `latency` is minus the step's share of the delay
    budget, and `log_latency` minus its logarithm, 0 for a step that ran no round. One step of
    either is as good as it is quick, but to `latency` a slow one can be a million times the best.
    """
    return (*LEARNING_REWARDS, *rules.rewards, *DELAY_REWARDS)


def write_reward_terms(before: State, after: State, delay_budget_s: Array, out: Array) -> None:
    """Write the terms of a step's reward in the order of their names, (n, C).

    Parameters
    ----------
    before, after : what the step led from and to
    delay_budget_s : ()
    out : where to; zeros
    """
    n = len(LEARNING_REWARDS)
    if after.validation is not before.validation:  # in most steps nobody has looked
        (loss, accuracy), (new_loss, new_accuracy) = before.validation, after.validation
        out[:n] = loss - new_loss, _log_fall(loss, new_loss), new_accuracy - accuracy
    n_measures = len(out) - n - len(DELAY_REWARDS)  # the first ones, as many as are rewarded
    out[n:-2] = _log_fall(before.measured[:n_measures], after.measured[:n_measures])
    fall = out[-2] = (before.totals[DELAY] - after.totals[DELAY]) / delay_budget_s
    out[-1] = _log_fall(WHOLE, np.where(fall < 0, -fall, WHOLE))


def _log_fall(before: Array, after: Array) -> Array:
    return np.asarray(np.log(np.maximum(before, SMALLEST) / np.maximum(after, SMALLEST)))
