"""What a fine-tuning round meets: gains and stragglers, and what follows from them alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.draws import BLOCK_ROUNDS, BlockDraws, fading_gains
from edgegym.lifecycle.observed import LogScale
from edgegym.physics import Array
from edgegym.systems.two_stage.costs import Links, links
from edgegym.systems.two_stage.scenario import Scenario
from edgegym.systems.two_stage.stragglers import block_clock_shares

#: Decades of the logarithms of gains that are shown, by their mean.
GAIN_LOGS = LogScale(-4.0, 2.0)


class Draw(NamedTuple):
    """What the coming fine-tuning round meets, and what follows from that alone.

    All of it lies in one array, which costs the least to make; (K, ...) each.
    """

    rows: Array  # (7K + 1, C), with one copy where it is the same for all

    @property
    def n_devices(self) -> int:
        """Number of devices, K."""
        return len(self.rows) // 7

    @property
    def uplink_gain(self) -> Array:
        """Power ratio, g_u."""
        return self.rows[: self.n_devices]

    @property
    def downlink_gain(self) -> Array:
        """Power ratio, g_d."""
        return self.rows[self.n_devices : 2 * self.n_devices]

    @property
    def clock_share(self) -> Array:
        """Share of the clock asked for, 1 where a device does not straggle."""
        return self.rows[2 * self.n_devices : 3 * self.n_devices]

    @property
    def gain_logs(self) -> Array:
        """Both gains as they are shown, (2K, ...)."""
        return self.rows[3 * self.n_devices : 5 * self.n_devices]

    @property
    def links(self) -> Links:
        """What the gains say of a round, devices along the last axis."""
        rows, k = self.rows, self.n_devices
        return Links(rows[5 * k : 6 * k].T, rows[6 * k : -1].T, rows[-1])


class Draws:
    """The draws of all copies, keyed by seed and round.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> draws = Draws(load_scenario("mnist").replace(channel_mode="per-round"))
    >>> draws.at(np.array([1, 2]), np.array([0, 70])).uplink_gain.shape
    (3, 2)
    """

    def __init__(self, scenario: Scenario) -> None:
        s = self.scenario = scenario
        self.straggles = s.straggler_probability > 0
        self.fades = s.channel_mode == "per-round"
        self.varies = s.channel_mode != "fixed"
        self.differ = self.fades or self.straggles  # from round to round
        self.are_random = self.varies or self.straggles
        self._blocks = BlockDraws(self._block, self.differ, self._derived)
        self._fixed = Draw(self._derived(self._block(0, 0)[:, :1]))

    def at(self, seeds: NDArray[np.int64], rounds: NDArray[np.number]) -> Draw:
        """Draw what the coming fine-tuning round meets.

        Parameters
        ----------
        seeds : (C,) of the episodes
        rounds : (C,) fine-tuning rounds done before
        """
        return Draw(self._blocks.at(seeds, rounds)) if self.are_random else self._fixed

    def _block(self, seed: int, block: int) -> Array:
        """Draw gains for a block of rounds, (2K, ...), and where some straggle, K clock shares."""
        s = self.scenario
        gains = np.concatenate([s.uplink_gain, s.downlink_gain])[:, np.newaxis]
        if self.varies:
            drawn = fading_gains(seed, block if self.fades else 0, s.mean_path_gain, s.n_devices)
            gains = drawn.reshape(len(gains), BLOCK_ROUNDS)
        if not self.straggles:
            return gains
        if not self.fades:
            gains = np.broadcast_to(gains[:, :1], (len(gains), BLOCK_ROUNDS))
        return np.concatenate([gains, block_clock_shares(s, seed, block)])

    def _derived(self, drawn: Array) -> Array:
        """Add to what is drawn for n rounds what follows from it: the rows of `Draw`, (..., n)."""
        s, k = self.scenario, self.scenario.n_devices
        gains, shares = drawn[: 2 * k], drawn[2 * k :]
        if not self.straggles:
            shares = np.ones((k, drawn.shape[1]))
        logs = GAIN_LOGS.share(gains / s.mean_path_gain)
        snr_per_watt, download_s, download_j = links(s, gains[:k].T, gains[k:].T)
        rows = gains, shares, logs, snr_per_watt.T, download_s.T, download_j[np.newaxis]
        return np.concatenate(rows)
