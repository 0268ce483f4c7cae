"""The reward: named terms, each the fall of something, so that a return is the total fall."""

import numpy as np

from edgegym.lifecycle.rules import Rules
from edgegym.lifecycle.state import DELAY, State
from edgegym.physics import Array

#: What a logarithm takes for zero: a loss can fall to it on a few samples.
SMALLEST = 1e-12
#: Terms that every system has, beside one for each of its measures.
LEARNING_REWARDS = ("loss", "log_loss", "accuracy")


def reward_names(rules: Rules) -> tuple[str, ...]:
    """List the terms of a system's reward.

    `loss`, `log_loss` and `accuracy` are of the validation samples; a measure's name gives the
    fall of its logarithm; `latency` is minus the step's share of the delay budget.
    """
    return (*LEARNING_REWARDS, *rules.rewards, "latency")


def reward_terms(rules: Rules, before: State, after: State) -> dict[str, Array]:
    """Give every term of the reward of a step, (C,) each."""
    measured = _log_fall(before.measured, after.measured)
    return {
        **_learning_terms(before.validation, after.validation),
        **{f"reward_{name}": term for name, term in zip(rules.rewards, measured, strict=True)},
        "reward_latency": (before.totals[DELAY] - after.totals[DELAY])
        / rules.scenario.delay_budget_s,
    }


def _learning_terms(before: Array, after: Array) -> dict[str, Array]:
    """Give the terms of the validation samples, which in most steps nobody has looked at."""
    if after is before:
        nothing = np.zeros(after.shape[1])
        return {f"reward_{name}": nothing for name in LEARNING_REWARDS}
    return {
        "reward_loss": before[0] - after[0],
        "reward_log_loss": _log_fall(before[0], after[0]),
        "reward_accuracy": after[1] - before[1],
    }


def _log_fall(before: Array, after: Array) -> Array:
    return np.asarray(np.log(np.maximum(before, SMALLEST) / np.maximum(after, SMALLEST)))
