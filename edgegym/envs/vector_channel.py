"""The channels of many copies: what `round_gains` is for one."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgegym.envs.vector_blocks import VectorBlocks
from edgegym.physics import Array
from edgegym.systems.two_stage.channel import block_gains
from edgegym.systems.two_stage.scenario import Scenario


class VectorChannel:
    """The gains of C copies.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> channel = VectorChannel(fading, num_envs=2)
    >>> channel.begin([0, 1], seeds=[5, 6])
    >>> uplink, downlink = channel.gains(np.array([0, 70]))
    >>> uplink.shape, bool((uplink[1] == block_gains(fading, 6, block=1)[0][:, 6]).all())
    ((2, 3), True)
    """

    def __init__(self, scenario: Scenario, num_envs: int) -> None:
        self.scenario = scenario
        self.is_fixed = scenario.channel_mode == "fixed"
        self.fades = scenario.channel_mode == "per-round"
        kept = 0 if self.is_fixed else num_envs
        shape = (2, scenario.n_devices)
        self._blocks = VectorBlocks(partial(_gains, scenario), shape, kept, self.fades)

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Open new episodes in some copies."""
        if not self.is_fixed:
            self._blocks.begin(copies, seeds)

    def gains(self, n_finetune_rounds: NDArray[np.number]) -> tuple[Array, Array]:
        """Give the up- and downlink gains of every copy's coming round.

        Parameters
        ----------
        n_finetune_rounds : (C,) fine-tuning rounds done before

        Returns
        -------
        Two (C, K) power ratios, or (K,) where the channel is fixed
        """
        if self.is_fixed:
            return self.scenario.uplink_gain, self.scenario.downlink_gain
        uplink, downlink = self._blocks.at(n_finetune_rounds)
        return uplink.T, downlink.T


def _gains(scenario: Scenario, seed: int, block: int) -> Array:
    return np.stack(block_gains(scenario, seed, block))
