"""What real rounds an emulator was fitted on, beyond which its losses are extrapolated."""

import math
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edgegym.physics import Numbers
from edgegym.scenario.fields import Count

#: What lies this share beyond what was recorded is not called an extrapolation yet.
MARGIN = 0.1


class Recorded(BaseModel):
    """What the rounds of a stage spanned in the real runs that an emulator was fitted on.

    Examples
    --------
    >>> Recorded(n_rounds=300, batch_size=(1, 64)).covers(np.array([7, 300, 331]), 64).tolist()
    [True, True, False]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_rounds: Annotated[int, Field(ge=0)]  # of the longest run
    batch_size: tuple[Count, Count]  # smallest and largest, samples over all devices

    def covers(self, n_rounds: Numbers, batch_size: Numbers) -> Any:
        """Tell of rounds, the n-th of a stage with so many samples, whether they lie within."""
        most_rounds, least, most = self._ends
        return (n_rounds <= most_rounds) & (batch_size >= least) & (batch_size <= most)

    @property
    def limits(self) -> tuple[int, int, int]:
        """Most rounds, and the least and the largest batch, that are covered.

        Examples
        --------
        >>> Recorded(n_rounds=300, batch_size=(2, 64)).limits
        (330, 2, 70)
        """
        most_rounds, least, most = self._ends
        return int(most_rounds), math.ceil(least), math.floor(most)

    @cached_property
    def _ends(self) -> tuple[NDArray[Any], ...]:
        """What is called recorded still: most rounds, and the least and the largest batch."""
        above, below = 1 + MARGIN, 1 - MARGIN
        least, most = self.batch_size
        ends = math.floor(above * self.n_rounds), below * least, above * most
        return tuple(map(np.array, ends))
