"""The integers of (P1) and their limits: what branch and bound cuts up."""

import math
from typing import NamedTuple

import numpy as np

from baselines.two_stage.schemes import Scheme
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import Scenario

#: Where each integer stands: M, N, D̃, ΣB̃_k, and from DEVICES on the B̃_k one by one. The sum
#: has limits of its own because the bound (34) depends on the devices' batches through it alone.
PRETRAIN_ROUNDS, FINETUNE_ROUNDS, PRETRAIN_BATCH, TOTAL_BATCH, DEVICES = range(5)


class Box(NamedTuple):
    """Lowest and highest value of every integer, two (4 + K,)."""

    low: Array
    high: Array

    @property
    def empty(self) -> bool:
        """Whether no integers lie within, or no round."""
        low, high = self
        totals = (
            low[DEVICES:].sum() <= high[TOTAL_BATCH] and low[TOTAL_BATCH] <= high[DEVICES:].sum()
        )
        return bool(np.any(low > high) or not high[:PRETRAIN_BATCH].any() or not totals)

    def split(self, index: int, value: float) -> tuple["Box", "Box"]:
        """Cut between the integers below and above a real value.

        Examples
        --------
        >>> box = Box(low=np.array([0.0, 1.0]), high=np.array([9.0, 9.0]))
        >>> [part.high[1].item() for part in box.split(1, 4.4)]
        [4.0, 9.0]
        """
        below, above = self.high.copy(), self.low.copy()
        below[index] = max(math.floor(value), self.low[index])
        above[index] = below[index] + 1
        return Box(self.low, below), Box(above, self.high)


def whole_box(scenario: Scenario, scheme: Scheme) -> Box:
    """All that a scheme may do: (35a), (35b), and no rounds in a stage that it leaves out.

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> whole_box(load_scenario("mnist"), find_scheme("pretrain-only")).high[:2].tolist()
    [1000.0, 0.0]
    """
    limit, limits = scenario.pretrain_batch_size_limit, scenario.finetune_batch_size_limit
    low = np.array([0, 0, 1, scenario.n_devices, *np.ones_like(limits)], dtype=float)
    high = np.array(
        [
            scenario.max_pretrain_rounds * scheme.pretrains,
            scenario.max_finetune_rounds * scheme.finetunes,
            limit,
            limits.sum(),
            *limits,
        ],
        dtype=float,
    )
    if scheme.fixed_batch:
        low[PRETRAIN_BATCH:] = high[PRETRAIN_BATCH:]
    return Box(low, high)
