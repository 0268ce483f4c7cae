"""What the planners need to know of a scenario: time and energy as functions of time alone.

Run at its limit, a part needs the least time and draws the most power. Stretched to a longer t,
computing costs limit_w · least³/t² and an upload limit_w/limit_snr · t·(exp(nats/t) − 1): both
fall and are convex in t, which is what makes the exact planner exact.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import lambertw

from edgegym.physics import Array, Numbers, processor, radio
from edgegym.systems.two_stage.costs import download_delay_s
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR, Scenario

#: Instead of nothing where a price is divided by.
NEARLY_FREE = 1e-200


class Processor(NamedTuple):
    """A processor at its clock limit, () for the server and (K,) for the devices."""

    least_s: Array  # seconds for each sample, N_FLOP / (c · f^max)
    limit_w: Array  # power with overheads, η · φ · f^max³

    @property
    def most_s(self) -> Array:
        """Seconds for each sample at the lowest clock that an action can ask for."""
        return self.least_s / CLOCK_FLOOR

    def energy_j(self, samples: Numbers, time_s: Numbers) -> Array:
        """Energy of computing so many samples in so long, (17)-(18) with f = N_FLOP·B/(c·t)."""
        return self.limit_w * (self.least_s * np.asarray(samples)) ** 3 / np.square(time_s)

    def price_w(self, samples: Numbers, time_s: Numbers) -> Array:
        """Energy that one more second saves, −dE/dt."""
        return 2 * self.energy_j(samples, time_s) / time_s

    def time_for_price_s(self, price_w: Numbers) -> Array:
        """Seconds for each sample at which one more saves so much, t³ = 2·energy·t²/price."""
        stretch = np.cbrt(2 * self.limit_w / np.maximum(price_w, NEARLY_FREE))
        return np.minimum(np.maximum(stretch, 1) * self.least_s, self.most_s)


class Uplink(NamedTuple):
    """The devices' uplinks at their power limits, all (K,), or (J, K) for J channels."""

    nats_s: Array  # ln 2 · β / W
    limit_w: Array
    limit_snr: Array
    floor_snr: Array  # at the lowest power that an action can ask for

    @property
    def least_s(self) -> Array:
        """Seconds that an upload takes at the power limit."""
        return self.nats_s / np.log1p(self.limit_snr)

    @property
    def most_s(self) -> Array:
        """Seconds that an upload takes at the lowest power."""
        return self.nats_s / np.log1p(self.floor_snr)

    def energy_j(self, time_s: Numbers) -> Array:
        """Energy of an upload that lasts so long, (19) with the least power for that time."""
        return self.limit_w / self.limit_snr * time_s * np.expm1(self.nats_s / time_s)

    def price_w(self, time_s: Numbers) -> Array:
        """Energy that one more second saves, −dE/dt."""
        return self.price_and_slope(time_s)[0]

    def price_and_slope(self, time_s: Numbers) -> tuple[Array, Array]:
        """Price of a second, and how fast its logarithm falls with time."""
        nats = self.nats_s / np.asarray(time_s)
        grown = nats * np.exp(nats)
        left = grown - np.expm1(nats)
        return self.limit_w / self.limit_snr * left, nats * grown / (time_s * left)

    def time_for_price_s(self, price_w: Numbers) -> Array:
        """Time at which one more second saves so many joules, within the power limits.

        With y = nats/t the price is limit_w/limit_snr·(y·eʸ − (eʸ − 1)), so that (y − 1)·eʸ⁻¹ is
        known and y − 1 is Lambert's W of it; a Newton step mends W near its branch point.
        """
        share = np.asarray(price_w) * self.limit_snr / self.limit_w
        most, least = self.nats_s / self.least_s, self.nats_s / self.most_s
        limit = most * np.exp(most) - np.expm1(most)
        share = np.minimum(share, limit)
        nats = np.fmax(1 + lambertw((share - 1) / np.e).real, least)  # not a number at the branch
        for _ in range(2):
            excess = nats * np.exp(nats) - np.expm1(nats) - share
            nats = np.clip(nats - excess / (nats * np.exp(nats)), least, most)
        return self.nats_s / nats


class Workload(NamedTuple):
    """A scenario as its planners see it."""

    server: Processor
    devices: Processor
    uplink: Uplink
    download_s: Array
    download_j: Array


def workload(
    scenario: Scenario,
    *,
    uplink_gain: Array | None = None,
    downlink_gain: Array | None = None,
    tx_power_limit_w: Array | None = None,
) -> Workload:
    """Reduce a scenario to times and energies at the limits.

    Parameters
    ----------
    scenario : the constants
    uplink_gain, downlink_gain : (K,) or (J, K) power ratios; the scenario's where none is given
    tx_power_limit_w : (K,) W; where none is given the lower of the peak (11) and the mean limit
        (10), as with one power for all rounds the mean limit is one more peak limit

    Examples
    --------
    The server of scenario mnist draws 4 · 3.91·10⁻²⁷ · (1.6·10⁹)³ = 64.06 W at its limit:

    >>> from edgegym import load_scenario
    >>> server = workload(load_scenario("mnist")).server
    >>> float(server.least_s), round(float(server.limit_w), 2)
    (0.000625, 64.06)
    """
    s = scenario
    download_s = download_delay_s(s, downlink_gain)
    if tx_power_limit_w is None:
        limit_w = np.minimum(s.device_tx_power_peak_limit_w, s.device_tx_power_mean_limit_w)
    else:
        limit_w = tx_power_limit_w
    snr_per_watt = radio.snr_per_watt(
        s.uplink_gain if uplink_gain is None else uplink_gain,
        s.uplink_bandwidth_hz,
        s.server_noise_psd_w_per_hz,
    )
    return Workload(
        server=_at_the_limit(
            s.flop_per_sample,
            s.server_flop_per_cycle,
            s.server_clock_limit_hz,
            s.server_pue,
            s.server_power_coefficient_w_per_hz3,
        ),
        devices=_at_the_limit(
            s.flop_per_sample,
            s.device_flop_per_cycle,
            s.device_clock_limit_hz,
            s.device_pue,
            s.device_power_coefficient_w_per_hz3,
        ),
        uplink=Uplink(
            nats_s=np.log(2) * s.update_bits / s.uplink_bandwidth_hz,
            limit_w=limit_w,
            limit_snr=snr_per_watt * limit_w,
            floor_snr=snr_per_watt * (POWER_FLOOR * s.device_tx_power_peak_limit_w),
        ),
        download_s=download_s,
        download_j=radio.download_energy_j(s.server_tx_power_w, download_s),
    )


def _at_the_limit(
    flop_per_sample: float,
    flop_per_cycle: Numbers,
    clock_limit_hz: Numbers,
    pue: Numbers,
    power_coefficient_w_per_hz3: Numbers,
) -> Processor:
    work = {"flop_per_sample": flop_per_sample, "flop_per_cycle": flop_per_cycle}
    least_s = processor.compute_delay_s(1, clock_limit_hz, **work)
    energy_j = processor.compute_energy_j(
        1,
        clock_limit_hz,
        **work,
        pue=pue,
        power_coefficient_w_per_hz3=power_coefficient_w_per_hz3,
    )
    return Processor(least_s=least_s, limit_w=energy_j / least_s)
