"""The stragglers of many copies: what `clock_share` is for one."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgegym.envs.vector_blocks import VectorBlocks
from edgegym.systems.two_stage.decision import Decisions
from edgegym.systems.two_stage.scenario import Scenario
from edgegym.systems.two_stage.stragglers import block_clock_shares


class VectorStragglers:
    """Who straggles in C copies; nobody where the scenario has no stragglers."""

    def __init__(self, scenario: Scenario, num_envs: int) -> None:
        self.there_are = scenario.straggler_probability > 0
        draw, kept = partial(block_clock_shares, scenario), num_envs if self.there_are else 0
        self._blocks = VectorBlocks(draw, (scenario.n_devices,), kept, per_round=True)

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Open new episodes in some copies."""
        if self.there_are:
            self._blocks.begin(copies, seeds)

    def throttle(self, decisions: Decisions, n_finetune_rounds: NDArray[np.number]) -> Decisions:
        """Slow down the processors of the coming round's stragglers.

        Parameters
        ----------
        decisions : what is asked for
        n_finetune_rounds : (C,) fine-tuning rounds done before
        """
        if not self.there_are:
            return decisions
        return decisions._replace(
            clock_hz=decisions.clock_hz * self._blocks.at(n_finetune_rounds).T
        )
