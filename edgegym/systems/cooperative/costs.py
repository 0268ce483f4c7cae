"""Latency and energy of a round of cooperative fine-tuning.

The equations are a reconstruction, DEFT-style; of the paper only abstracts are public.
"""

from typing import NamedTuple

import numpy as np

from edgegym.physics import Array, Numbers, processor, radio
from edgegym.physics.sums import sum_over_devices
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.scenario import CooperativeScenario


class RoundCost(NamedTuple):
    """Latency and energy of one round, or of many along the leading axes."""

    delay_s: Array  # (...) of the download and the slowest device
    energy_j: Array  # (...) of all devices and of the server
    device_delay_s: Array  # (..., K), 0 without a block


class Taken(NamedTuple):
    """What every device takes, (..., K)."""

    n_taken: Array
    depth: Array  # of the deepest; 1 where there is none
    batch_size: Array


def taken(scenario: CooperativeScenario, block_device: Numbers, batch_size: Numbers) -> Taken:
    """Count the blocks of every device, the deepest, and the samples that it holds for it.

    A device whose memory holds fewer samples than the batch takes as many as it holds.

    Parameters
    ----------
    scenario : the constants
    block_device : (..., N) index of each block's device, nearest to the output first
    batch_size : (...) samples

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> who = taken(load_scenario("cooperative-digits"), [9, 8, 7, 6, 5, 4], 16)
    >>> who.n_taken.tolist(), who.depth.tolist()
    ([0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 6, 5, 4, 3, 2, 1])
    """
    s = scenario
    device = np.asarray(block_device)[..., np.newaxis]
    is_taken = device == np.arange(s.n_devices)
    depth = np.where(is_taken, blocks.depths(s)[:, np.newaxis], 1).max(axis=-2)
    n_taken = is_taken.sum(axis=-2)
    held = blocks.samples_held(s, depth, n_taken)
    return Taken(n_taken, depth, np.minimum(np.asarray(batch_size)[..., np.newaxis], held))


def download_s(scenario: CooperativeScenario, downlink_gain: Numbers | None = None) -> Array:
    """Time to send all updated blocks to all devices at the rate of the weakest, (...).

    Everybody needs every block, as it computes the whole forward pass: the time is the same
    whoever takes which.

    Parameters
    ----------
    scenario : the constants
    downlink_gain : (..., K) power ratios; the scenario's where none are given
    """
    s = scenario
    rate_bps = radio.rate_bps(
        s.server_tx_power_w,
        gain=s.downlink_gain if downlink_gain is None else downlink_gain,
        bandwidth_hz=s.downlink_bandwidth_hz,
        noise_psd_w_per_hz=s.device_noise_psd_w_per_hz,
    )
    return radio.transfer_delay_s(s.n_blocks * s.update_size_bits, rate_bps.min(axis=-1))


def uplink_rate_bps(
    scenario: CooperativeScenario, share: Numbers, uplink_gain: Numbers | None = None
) -> Array:
    """Rate of each device over its share of the uplink band, into which it puts all its power.

    Parameters
    ----------
    scenario : the constants
    share : (..., K), above 0
    uplink_gain : (..., K) power ratios; the scenario's where none are given
    """
    s = scenario
    if s.uplink_efficiency_bps_per_hz is not None:
        return share * s.uplink_bandwidth_hz * s.uplink_efficiency_bps_per_hz
    return radio.rate_bps(
        s.device_tx_power_w,
        gain=s.uplink_gain if uplink_gain is None else uplink_gain,
        bandwidth_hz=share * s.uplink_bandwidth_hz,
        noise_psd_w_per_hz=s.server_noise_psd_w_per_hz,
    )


def round_cost(
    scenario: CooperativeScenario,
    *,
    block_device: Numbers,
    bandwidth_share: Numbers,
    batch_size: Numbers,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> RoundCost:
    """Latency and energy of a round.

    delay = N·S/min r_d + max_k (B_k·F(n_k)/(f·c) + S/r_u) over the devices that have a block
    energy = P̃·N·S/min r_d + Σ_k (η·B_k·F(n_k)/c·φ·f² + p·S/r_u)

    Shares count beside those of the others that have a block: the whole band is used.

    Parameters
    ----------
    scenario : the constants
    block_device : (..., N) index of each block's device, nearest to the output first
    bandwidth_share : (..., K)
    batch_size : (...) samples of each device, fewer where it cannot hold so many
    uplink_gain, downlink_gain : (..., K) power ratios; the scenario's where none are given

    Returns
    -------
    RoundCost; infinite where who has a block has no share of the band, or no memory for a sample

    Examples
    --------
    The worked case: 2 + n operations for block n, two bits to send, equal shares of 2 Hz:

    >>> from edgegym.systems.cooperative.worked import worked_scenario
    >>> cost = round_cost(worked_scenario(), block_device=[2, 1, 3], batch_size=1,
    ...                   bandwidth_share=[0, 1/3, 1/3, 1/3])
    >>> cost.device_delay_s.round(4).tolist()
    [0.0, 3.4167, 4.5, 2.6667]
    """
    s = scenario
    who = taken(s, block_device, batch_size)
    involved = who.n_taken > 0
    share = np.where(involved, bandwidth_share, 0.0)
    share = share / sum_over_devices(share)[..., np.newaxis]
    can_send = share > 0
    rate_bps = uplink_rate_bps(s, np.where(can_send, share, 1.0), uplink_gain)
    upload_s = np.where(can_send, who.n_taken * s.update_size_bits / rate_bps, np.inf)
    work = {
        "flop_per_sample": blocks.flop_per_sample(s, who.depth, who.n_taken),
        "flop_per_cycle": s.device_flop_per_cycle,
    }
    training_s = processor.compute_delay_s(who.batch_size, s.device_clock_hz, **work)
    training_s = np.where(who.batch_size >= 1, training_s, np.inf)
    training_j = processor.compute_energy_j(
        who.batch_size,
        s.device_clock_hz,
        **work,
        pue=s.device_pue,
        power_coefficient_w_per_hz3=s.device_power_coefficient_w_per_hz3,
    )
    device_delay_s = np.where(involved, training_s + upload_s, 0.0)
    device_j = np.where(
        involved, training_j + radio.upload_energy_j(s.device_tx_power_w, upload_s), 0.0
    )
    down_s = download_s(s, downlink_gain)
    return RoundCost(
        delay_s=down_s + np.max(device_delay_s, axis=-1),
        energy_j=s.server_tx_power_w * down_s + sum_over_devices(device_j),
        device_delay_s=device_delay_s,
    )
