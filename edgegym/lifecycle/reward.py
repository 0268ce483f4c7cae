"""The reward: named terms, each the fall of something, so that a return is the total fall."""

import numpy as np

from edgegym.lifecycle.rules import Rules
from edgegym.lifecycle.state import DELAY, State
from edgegym.physics import Array

#: What a logarithm takes for zero: a loss can fall to it on a few samples.
SMALLEST = np.array(1e-12)
#: Terms that every system has, beside one for each of its measures.
LEARNING_REWARDS = ("loss", "log_loss", "accuracy")


def reward_names(rules: Rules) -> tuple[str, ...]:
    """List the terms of a system's reward.

    `loss`, `log_loss` and `accuracy` are of the validation samples; a measure's name gives the
    fall of its logarithm; `latency` is minus the step's share of the delay budget.
    """
    return (*LEARNING_REWARDS, *rules.rewards, "latency")


def reward_terms(before: State, after: State, budget: Array) -> tuple[Array, ...]:
    """Give the terms of a step's reward in the order of their names, (..., C) each.

    Parameters
    ----------
    before, after : what the step led from and to
    budget : (2, 1), whose first is that of delay
    """
    delay = slice(DELAY, DELAY + 1)
    return (
        _learning_terms(before.validation, after.validation),
        _log_fall(before.measured, after.measured),
        (before.totals[delay] - after.totals[delay]) / budget[delay],
    )


def _learning_terms(before: Array, after: Array) -> Array:
    """Give the terms of the validation samples, which in most steps nobody has looked at."""
    if after is before:
        return np.zeros((len(LEARNING_REWARDS), after.shape[1]))
    loss, accuracy = before[0] - after[0], after[1] - before[1]
    return np.stack([loss, _log_fall(before[0], after[0]), accuracy])


def _log_fall(before: Array, after: Array) -> Array:
    return np.asarray(np.log(np.maximum(before, SMALLEST) / np.maximum(after, SMALLEST)))
