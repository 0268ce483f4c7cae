"""The shares of both bands with which a round of a given split is over earliest."""

from typing import NamedTuple

import numpy as np

from baselines.links import Links
from baselines.sharing import share_bandwidth
from edgegym.physics import Array, Numbers
from edgegym.physics.radio import LN2
from edgegym.systems.split.costs import BACKWARD, device_forward_s, downlink_bps
from edgegym.systems.split.halves import crossing_bits
from edgegym.systems.split.scenario import SplitScenario


class Shares(NamedTuple):
    """Parts of the bands, (K,) each."""

    uplink: Array
    downlink: Array


def equal_shares(scenario: SplitScenario) -> Shares:
    """Give every device as much of both bands."""
    equal = np.full(scenario.n_devices, 1 / scenario.n_devices)
    return Shares(equal, equal)


def plan_shares(
    scenario: SplitScenario,
    layer: int,
    rank: int,
    batch_size: int,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> Shares:
    """Share both bands so that the last device has sent, and has gone back, as early as possible.

    The cloud waits for all devices, so that a round's two halves are planned each for itself:
    max_k(fixed_k + V/r_k) is least where all are done at once.

    Parameters
    ----------
    scenario : the constants
    layer, rank, batch_size : what crosses, and what each device computes
    uplink_gain, downlink_gain : (K,) power ratios; the scenario's where none is given

    Examples
    --------
    Where nothing crosses, nothing is to be planned:

    >>> from edgegym import load_scenario
    >>> plan_shares(load_scenario("split-digits"), 0, 0, 8).uplink.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    s = scenario
    bits = float(crossing_bits(s, layer, rank, batch_size))
    if not bits:
        return equal_shares(s)
    up = np.asarray(s.uplink_gain if uplink_gain is None else uplink_gain)
    down = s.downlink_gain if downlink_gain is None else downlink_gain
    forward_s, sizes = device_forward_s(s, layer, rank, batch_size), np.full(s.n_devices, bits)
    limit_hz = s.device_tx_power_w * up / s.server_noise_psd_w_per_hz
    none = np.zeros(s.n_devices)
    uplink = Links(none, LN2 / limit_hz, limit_hz / s.uplink_bandwidth_hz, separate=False)
    downlink = Links(1 / downlink_bps(s, down), none, None, separate=False)
    return Shares(
        share_bandwidth(uplink, sizes, forward_s)[1][0],
        share_bandwidth(downlink, sizes, BACKWARD * forward_s)[1][0],
    )
