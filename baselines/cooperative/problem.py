"""What planners of cooperative fine-tuning work on: seconds of every pair of block and device."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.links import Links
from baselines.sharing import share_bandwidth
from edgegym.physics import Array, Numbers, processor, radio
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.costs import download_s
from edgegym.systems.cooperative.scenario import CooperativeScenario
from edgegym.systems.cooperative.worked import worked_scenario

Matching = NDArray[np.intp]  # (N,) the device of each block, nearest to the output first


class Allocation(NamedTuple):
    """A matching with shares of the band, and when the last device is done."""

    matching: Matching
    share: Array  # (K,)
    delay_s: float  # after the download


class Problem(NamedTuple):
    """A round to be planned, DEFT-style; payloads are counted in blocks.

    Device k with block n is done t_kn + u_k(b_k) seconds after the download, t_kn to compute and
    u_k to send a block over the share b_k of the band.
    """

    compute_s: Array  # (N, K), t; infinite where the device cannot hold the block
    links: Links
    download_s: float  # which nothing here changes
    alone_s: Array  # (K,) s to compute all blocks, infinite where the device cannot hold them

    @property
    def n_blocks(self) -> int:
        """Number of blocks, N."""
        return len(self.compute_s)

    @property
    def able(self) -> NDArray[np.bool_]:
        """Whether a device can hold a block, (N, K)."""
        return np.isfinite(self.compute_s)

    @property
    def equal_upload_s(self) -> Array:
        """Seconds that each device sends a block over its part where N have equal ones, (K,)."""
        return self.links.transfer_s(np.full((1, self.links.upload_s.size), 1 / self.n_blocks))

    def least_share(self, delay_s: float) -> Array:
        """Least share of the band with which a pair is done in time, infinite where none is.

        c_kn(T) = ω_k(S / (T - t_kn))

        Parameters
        ----------
        delay_s : T, after the download

        Returns
        -------
        (N, K)

        Examples
        --------
        >>> least = worked_problem().least_share(4.5)
        >>> least[0].round(4).tolist()
        [0.3333, 0.1, 0.3333, 0.0952]
        """
        left_s = delay_s - self.compute_s
        in_time = left_s > 0
        pace = 1 / np.where(in_time, left_s, np.inf)  # blocks a second
        if self.links.snr is None:
            share = self.links.upload_s * pace
        else:
            # In units of the band: a rate of a/ln 2 is what an unlimited one would give.
            a = self.links.snr
            rate = pace * self.links.upload_s * a / radio.LN2
            share = radio.least_bandwidth_hz(rate, 1.0, gain=a, noise_psd_w_per_hz=1.0)
        return np.where(in_time, share, np.inf)

    def done_s(self, matching: Matching, share: Array) -> float:
        """Give the time when the last device of a matching is done, after the download."""
        upload_s = self.links.of(matching).transfer_s(share[np.newaxis, matching])
        return float(np.max(self.compute_s[np.arange(self.n_blocks), matching] + upload_s))

    def with_equal_shares(self, matching: Matching) -> Allocation:
        """Give every device of a matching the same share."""
        share = np.zeros(self.links.upload_s.size)
        share[matching] = 1 / self.n_blocks
        return Allocation(matching, share, self.done_s(matching, share))

    def with_best_shares(self, matching: Matching, start_s: float | None = None) -> Allocation:
        """Share the band so that the devices of a matching are all done at the same time.

        Examples
        --------
        >>> best = worked_problem().with_best_shares(np.array([2, 1, 3]))
        >>> round(best.delay_s, 6), (2 * best.share).round(5).tolist()
        (3.474918, [0.0, 0.61862, 1.0127, 0.36868])
        """
        compute_s = np.zeros(self.links.upload_s.size)
        size = np.zeros(compute_s.size)
        compute_s[matching] = self.compute_s[np.arange(self.n_blocks), matching]
        size[matching] = 1.0
        delay_s, shares = share_bandwidth(self.links, size, compute_s, start_s)
        return Allocation(matching, shares[0], delay_s)


def as_problem(
    scenario: CooperativeScenario,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> Problem:
    """Work out what every pair of block and device needs, at the least batch.

    Parameters
    ----------
    scenario : the constants
    uplink_gain, downlink_gain : (K,) power ratios; the scenario's where none are given

    Examples
    --------
    >>> worked_problem().compute_s.round(4).tolist()
    [[3.0, 2.0, 1.5, 1.0], [inf, 2.6667, 2.0, 1.3333], [inf, 3.3333, inf, 1.6667]]
    """
    s, ones = scenario, np.ones(scenario.n_devices)
    bits = s.update_size_bits
    if s.uplink_efficiency_bps_per_hz is None:
        gain = s.uplink_gain if uplink_gain is None else uplink_gain
        limit_hz = s.device_tx_power_w * np.asarray(gain) / s.server_noise_psd_w_per_hz
        upload_s, snr = bits * np.log(2) / limit_hz, limit_hz / s.uplink_bandwidth_hz
    else:
        upload_s = bits / (s.uplink_bandwidth_hz * s.uplink_efficiency_bps_per_hz)
        snr = None

    def compute_s(depth: Numbers, n_taken: int) -> Array:
        return processor.compute_delay_s(
            s.least_batch_size,
            s.device_clock_hz,
            flop_per_sample=blocks.flop_per_sample(s, depth, n_taken),
            flop_per_cycle=s.device_flop_per_cycle,
        )

    n = s.n_blocks
    return Problem(
        compute_s=np.where(blocks.able(s), compute_s(blocks.depths(s)[:, np.newaxis], 1), np.inf),
        links=Links(0 * ones, upload_s * ones, snr, separate=False),
        download_s=float(download_s(s, downlink_gain)),
        alone_s=np.where(blocks.able_alone(s), compute_s(n, n), np.inf),
    )


def worked_problem() -> Problem:
    """Make the problem of the worked case."""
    return as_problem(worked_scenario())
