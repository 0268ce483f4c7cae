"""The reward: named terms, each the fall of something, so that a return is the total fall."""

import math
from typing import Literal, NamedTuple, get_args

RewardName = Literal["loss", "accuracy", "bound"]
REWARDS: tuple[str, ...] = get_args(RewardName)


class Standing(NamedTuple):
    """What the reward is the change of."""

    validation_loss: float
    validation_accuracy: float
    gradient_norm_bound: float


def reward_terms(before: Standing, after: Standing) -> dict[str, float]:
    """Name every term of the reward; one of them is the reward.

    Examples
    --------
    >>> terms = reward_terms(Standing(2.3, 0.1, 460.0), Standing(1.3, 0.5, 46.0))
    >>> {name: round(value, 3) for name, value in terms.items()}
    {'reward_loss': 1.0, 'reward_accuracy': 0.4, 'reward_bound': 2.303}
    """
    return {
        "reward_loss": before.validation_loss - after.validation_loss,
        "reward_accuracy": after.validation_accuracy - before.validation_accuracy,
        "reward_bound": math.log(before.gradient_norm_bound / after.gradient_norm_bound),
    }
