"""The channels of many copies: what `round_gains` is for one, a block of rounds at a time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array
from edgegym.two_stage.channel import BLOCK_ROUNDS, block_gains
from edgegym.two_stage.scenario import Scenario


class VectorChannel:
    """The gains of C copies; each keeps the block of rounds that it is in.

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
        self._seeds = [0] * num_envs
        self._block = np.zeros(num_envs, dtype=int)
        self._n_kept = BLOCK_ROUNDS if self.fades else 1
        self._first = self._n_kept * np.arange(num_envs)  # a copy's first column in _gains
        n_columns = 0 if self.is_fixed else self._n_kept * num_envs
        self._gains = np.empty((2, scenario.n_devices, n_columns))

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Open new episodes in some copies."""
        if self.is_fixed:
            return
        for copy, seed in zip(copies, seeds, strict=True):
            self._seeds[copy] = seed
            self._draw(copy, 0)

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
        column = self._first
        if self.fades:
            block, round_in_block = np.divmod(n_finetune_rounds.astype(int), BLOCK_ROUNDS)
            for copy in np.flatnonzero(block != self._block).tolist():
                self._draw(copy, int(block[copy]))
            column = self._first + round_in_block
        uplink, downlink = self._gains.take(column, axis=-1)
        return uplink.T, downlink.T

    def _draw(self, copy: int, block: int) -> None:
        drawn = block_gains(self.scenario, self._seeds[copy], block)
        columns = slice(self._first[copy], self._first[copy] + self._n_kept)
        self._gains[..., columns] = np.stack(drawn)[..., : self._n_kept]
        self._block[copy] = block
