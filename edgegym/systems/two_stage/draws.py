"""What a fine-tuning round meets: gains, stragglers, who takes part, and what follows from them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.draws import BLOCK_ROUNDS, BlockDraws, fading_gains
from edgegym.lifecycle.observed import LogScale
from edgegym.physics import Array
from edgegym.systems.two_stage.costs import Links, links
from edgegym.systems.two_stage.participation import block_participants
from edgegym.systems.two_stage.scenario import Scenario
from edgegym.systems.two_stage.stragglers import block_clock_shares

#: Decades of the logarithms of gains that are shown, by their mean.
GAIN_LOGS = LogScale(-4.0, 2.0)


class Draw(NamedTuple):
    """What the coming fine-tuning round meets, and what follows from that alone.

    All of it lies in one array, which costs the least to make; (K, ...) each.
    """

    rows: Array  # (8K + 1, C), with one copy where it is the same for all

    @property
    def n_devices(self) -> int:
        """Number of devices, K."""
        return len(self.rows) // 8

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
    def takes_part(self) -> Array:
        """1 of who takes part, 0 of who does not."""
        return self.rows[3 * self.n_devices : 4 * self.n_devices]

    @property
    def gain_logs(self) -> Array:
        """Both gains as they are shown, (2K, ...), the least of who takes no part."""
        return self.rows[4 * self.n_devices : 6 * self.n_devices]

    @property
    def links(self) -> Links:
        """What the gains say of a round, devices along the last axis."""
        rows, k = self.rows, self.n_devices
        return Links(rows[6 * k : 7 * k].T, rows[7 * k : -1].T, rows[-1])


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
        self.is_partial = s.federation.n_participants is not None
        self.differ = self.fades or self.straggles or self.is_partial  # from round to round
        is_by_chance = self.is_partial and s.federation.participation == "random"
        self.are_random = self.varies or self.straggles or is_by_chance
        self._blocks = BlockDraws(self._block, self.differ, self._derived)
        self._fixed = Draw(self._derived(self._block(0, 0)[:, :1]))

    def at(self, seeds: NDArray[np.int64], rounds: NDArray[np.number]) -> Draw:
        """Draw what the coming fine-tuning round meets.

        Parameters
        ----------
        seeds : (C,) of the episodes
        rounds : (C,) fine-tuning rounds done before
        """
        changes = self.varies or self.differ
        return Draw(self._blocks.at(seeds, rounds)) if changes else self._fixed

    def _block(self, seed: int, block: int) -> Array:
        """Draw gains for a block of rounds, (2K, ...), and where devices differ, (2K, ...) of that.

        Those are the shares of the clocks, and who takes part.
        """
        s = self.scenario
        gains = np.concatenate([s.uplink_gain, s.downlink_gain])[:, np.newaxis]
        if self.varies:
            drawn = fading_gains(seed, block if self.fades else 0, s.mean_path_gain, s.n_devices)
            gains = drawn.reshape(len(gains), BLOCK_ROUNDS)
        if not (self.straggles or self.is_partial):
            return gains
        if not self.fades:
            gains = np.broadcast_to(gains[:, :1], (len(gains), BLOCK_ROUNDS))
        shares, here = block_clock_shares(s, seed, block), block_participants(s, seed, block)
        return np.concatenate([gains, shares, here])

    def _derived(self, drawn: Array) -> Array:
        """Add to what is drawn for n rounds what follows from it: the rows of `Draw`, (..., n)."""
        s, k = self.scenario, self.scenario.n_devices
        gains, of_devices = drawn[: 2 * k], drawn[2 * k :]
        if not len(of_devices):
            of_devices = np.ones(gains.shape)
        here, linked = None, gains
        if self.is_partial:
            here = of_devices[k:]
            linked = gains * np.concatenate([here, here])
            here = here.T
        logs = GAIN_LOGS.share(linked / s.mean_path_gain)
        snr_per_watt, download_s, download_j = links(s, gains[:k].T, gains[k:].T, here)
        rows = gains, of_devices, logs, snr_per_watt.T, download_s.T, download_j[np.newaxis]
        return np.concatenate(rows)
