"""How episodes stand: rounds done, what they have spent, what has been learned."""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array

#: Relative excess below which a limit counts as met: rounding of sums over thousands of rounds.
TOLERANCE = 1e-9

#: Rows of `State.totals` that every system has; from ROUNDS on one for each stage, then its own.
DELAY, ENERGY, ROUNDS = range(3)


class EndCode(IntEnum):
    """Why an episode ended."""

    RUNNING = 0
    FINISHED = 1  # advanced out of the last stage
    ROUND_LIMIT = 2
    DELAY_BUDGET = 3  # the next round does not fit
    ENERGY_BUDGET = 4  # the next round does not fit
    DIVERGED = 5


RUNNING = np.array(EndCode.RUNNING.value)


class State(NamedTuple):
    """How C episodes of one system stand; no array is ever changed in place.

    The last axis of every array is the copy's, so that `one(state, 0)` is the state of one copy.
    Stages and codes are plain numbers, as NumPy is slow with members of an enum.
    """

    seed: NDArray[np.int64]  # (C,), of the episode
    stage: NDArray[np.int_]  # (C,), as many as there are stages when all are done
    round: NDArray[np.int_]  # (C,), done in the present stage, or in the last one
    end_code: NDArray[np.int_]  # (C,)
    totals: Array  # (T, C): delay in s, energy in J, rounds of each stage, the system's own sums
    draw: Any  # what the coming round meets: a record of arrays
    loss: Array  # (C,), of the last mini-batch
    validation: Array  # (2, C): loss and accuracy when last looked at
    first_validation: Array  # (2, C), of the untrained network
    rounds_unseen: NDArray[np.int_]  # (C,), since the validation samples were last looked at
    measured: Array  # (n, C), what the rules measure
    excess: Array  # (n, C), by how much delay, energy and the system's own limits are exceeded

    @property
    def ended(self) -> NDArray[np.bool_]:
        """Whose episode has ended, (C,)."""
        return np.asarray(self.end_code != RUNNING)


def one(record: Any, copy: int) -> Any:
    """Take one copy out of a state or a draw: a record whose arrays end in copies."""
    return type(record)(*(one(v, copy) if hasattr(v, "_fields") else v[..., copy] for v in record))


def chosen(copies: NDArray[np.bool_], new: Any, old: Any) -> Any:
    """Take some copies of one record, or array, and the others of another one, field by field."""
    if np.count_nonzero(copies) == copies.size:
        return new
    if hasattr(new, "_fields"):
        return type(new)(*(chosen(copies, *both) for both in zip(new, old, strict=True)))
    return np.where(copies, new, old)
