"""How an episode stands: the codes that every system shares."""

from enum import IntEnum


class EndCode(IntEnum):
    """Why an episode ended."""

    RUNNING = 0
    FINISHED = 1  # advanced out of fine-tuning
    ROUND_LIMIT = 2
    DELAY_BUDGET = 3  # the next round does not fit
    ENERGY_BUDGET = 4  # the next round does not fit
    DIVERGED = 5
