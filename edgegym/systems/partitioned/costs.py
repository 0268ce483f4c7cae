"""Latency and energy of a round of partitioned edge learning.

The equations are a reconstruction, PABA-style; the abstracts have none.
"""

from typing import NamedTuple

import numpy as np

from edgegym.physics import Array, Numbers, processor, radio
from edgegym.physics.sums import sum_over_devices
from edgegym.systems.partitioned.scenario import PartitionedScenario


class RoundCost(NamedTuple):
    """Latency and energy of one round, or of many along the leading axes."""

    delay_s: Array  # (...) of the slowest worker
    energy_j: Array  # (...) of all workers and of the server
    worker_delay_s: Array  # (..., K)


def downlink_rate_bps(scenario: PartitionedScenario, downlink_gain: Numbers | None = None) -> Array:
    """Rate that each worker would have over the whole downlink band; a share has its part of it.

    Parameters
    ----------
    scenario : the constants
    downlink_gain : (..., K) power ratio; the scenario's where none is given

    Returns
    -------
    (..., K) bit/s
    """
    s = scenario
    if s.downlink_efficiency_bps_per_hz is not None:
        return s.downlink_bandwidth_hz * s.downlink_efficiency_bps_per_hz
    return radio.rate_bps(
        s.server_tx_power_w,
        gain=s.downlink_gain if downlink_gain is None else downlink_gain,
        bandwidth_hz=s.downlink_bandwidth_hz,
        noise_psd_w_per_hz=s.worker_noise_psd_w_per_hz,
    )


def uplink_rate_bps(
    scenario: PartitionedScenario, share: Numbers, uplink_gain: Numbers | None = None
) -> Array:
    """Rate of each worker over its share of the uplink band, by which all its power is spread.

    Parameters
    ----------
    scenario : the constants
    share : (..., K), above 0
    uplink_gain : (..., K) power ratio; the scenario's where none is given

    Returns
    -------
    (..., K) bit/s

    Examples
    --------
    A tenth of the band has more than a tenth of the rate, as the power is concentrated:

    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("partitioned-digits")
    >>> whole, tenth = (uplink_rate_bps(scenario, share)[0] for share in (1.0, 0.1))
    >>> float((tenth / whole).round(3))
    0.122
    """
    s = scenario
    if s.uplink_efficiency_bps_per_hz is not None:
        return share * s.uplink_bandwidth_hz * s.uplink_efficiency_bps_per_hz
    return radio.rate_bps(
        s.worker_tx_power_w,
        gain=s.uplink_gain if uplink_gain is None else uplink_gain,
        bandwidth_hz=share * s.uplink_bandwidth_hz,
        noise_psd_w_per_hz=s.server_noise_psd_w_per_hz,
    )


def round_cost(
    scenario: PartitionedScenario,
    *,
    block_size: Numbers,
    downlink_share: Numbers,
    uplink_share: Numbers,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> RoundCost:
    """Latency and energy of a round.

    delay_nk = o_nk + q·W_n/r_d + C·W_n·D_nk/(f·c) + q·W_n/r_u, and the slowest worker counts.
    energy = Σ (ρ_d·P̃·q·W_n/r_d + η·C·W_n·D_nk/c·φ·f² + p·q·W_n/r_u)

    A group without a block takes no part, not even its overhead.

    Parameters
    ----------
    scenario : the constants
    block_size : (..., N) parameters, W_n
    downlink_share, uplink_share : (..., K), ρ_d and ρ_u
    uplink_gain, downlink_gain : (..., K) power ratios; the scenario's where none is given

    Returns
    -------
    RoundCost; infinite where a worker that has a block has no share

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> equal = round_cost(load_scenario("partitioned-digits"), block_size=np.full(5, 1570),
    ...                    downlink_share=np.full(10, 0.1), uplink_share=np.full(10, 0.1))
    >>> float(equal.delay_s.round(4)), float(equal.energy_j.round(5))
    (0.1084, 0.08678)
    """
    s = scenario
    block = np.asarray(block_size, dtype=float)[..., s.group]
    sends = block > 0
    size_bits = block * s.bits_per_parameter

    def transfer_s(rate_bps: Array, share: Array) -> Array:
        delay_s = np.where(share > 0, size_bits / rate_bps, np.inf)
        return np.where(sends, delay_s, 0.0)

    down, up = np.asarray(downlink_share), np.asarray(uplink_share)
    # Without a share the rate is 0; one is put there that does no harm.
    down_bps = np.where(down > 0, down, 1.0) * downlink_rate_bps(s, downlink_gain)
    up_bps = uplink_rate_bps(s, np.where(up > 0, up, 1.0), uplink_gain)
    download_s, upload_s = transfer_s(down_bps, down), transfer_s(up_bps, up)
    work = {
        "flop_per_sample": s.flop_per_parameter_and_sample * block,
        "flop_per_cycle": s.worker_flop_per_cycle,
    }
    training_s = processor.compute_delay_s(s.worker_batch_size, s.worker_clock_hz, **work)
    training_j = processor.compute_energy_j(
        s.worker_batch_size,
        s.worker_clock_hz,
        **work,
        pue=s.worker_pue,
        power_coefficient_w_per_hz3=s.worker_power_coefficient_w_per_hz3,
    )
    download_j = np.where(down > 0, down, 1.0) * s.server_tx_power_w * download_s
    upload_j = radio.upload_energy_j(s.worker_tx_power_w, upload_s)
    overhead_s = np.where(sends, s.worker_overhead_s, 0.0)
    worker_delay_s = overhead_s + download_s + training_s + upload_s
    return RoundCost(
        delay_s=np.max(worker_delay_s, axis=-1),
        energy_j=sum_over_devices(download_j + training_j + upload_j),
        worker_delay_s=worker_delay_s,
    )
