"""The reward: named terms, each the fall of something, so that a return is the total fall."""

from typing import Generic, Literal, NamedTuple, TypeVar, get_args

import numpy as np

from edgegym.physics import Array

RewardName = Literal["loss", "log_loss", "accuracy", "bound"]
#: What a logarithm takes for zero: a loss can fall to it on a few samples.
SMALLEST = 1e-12
REWARDS: tuple[str, ...] = get_args(RewardName)

#: A number of one copy, or an array of many copies'.
Number = TypeVar("Number", float, Array)


class Standing(NamedTuple, Generic[Number]):
    """What the reward is the change of."""

    validation_loss: Number
    validation_accuracy: Number
    gradient_norm_bound: Number


def reward_terms(before: Standing[Number], after: Standing[Number]) -> dict[str, Number]:
    """Name every term of the reward; one of them is the reward.

    Examples
    --------
    >>> terms = reward_terms(Standing(2.3, 0.1, 460.0), Standing(1.3, 0.5, 46.0))
    >>> {name: round(float(value), 3) for name, value in terms.items()}
    {'reward_loss': 1.0, 'reward_log_loss': 0.571, 'reward_accuracy': 0.4, 'reward_bound': 2.303}
    """
    return {
        "reward_loss": before.validation_loss - after.validation_loss,
        "reward_log_loss": _log_fall(before.validation_loss, after.validation_loss),
        "reward_accuracy": after.validation_accuracy - before.validation_accuracy,
        "reward_bound": _log_fall(before.gradient_norm_bound, after.gradient_norm_bound),
    }


def _log_fall(before: Number, after: Number) -> Number:
    return np.log(np.maximum(before, SMALLEST) / np.maximum(after, SMALLEST))
