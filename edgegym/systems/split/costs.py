"""What a round of split fine-tuning costs: latency, energy and traffic.

SFT-style. One device's round is counted from the authors' public mechanism; how several devices
share the cloud and the bands, the energy, and the averaging of lower halves are our guesses.
"""

from typing import NamedTuple

import numpy as np

from edgegym.physics import Array, Numbers, processor, radio
from edgegym.physics.sums import sum_over_devices
from edgegym.systems.split.halves import back_flop, crossing_bits, front_flop, front_parameters
from edgegym.systems.split.scenario import SplitScenario

#: Backward passes cost twice the forward one where all parameters are trained.
BACKWARD = 2.0


class Cost(NamedTuple):
    """Latency, energy and traffic, of one round or of many along the leading axes."""

    delay_s: Array  # (...)
    energy_j: Array  # (...) of devices and cloud
    traffic_bits: Array  # (...) on the air, in both directions

    def plus(self, other: "Cost", where: Array) -> "Cost":
        """Add another cost where it is due."""
        return Cost(
            *(one + np.where(where, more, 0.0) for one, more in zip(self, other, strict=True))
        )


def uplink_bps(s: SplitScenario, share: Numbers, gain: Numbers) -> Array:
    """Rate over a share of the uplink band, by which all a device's power is spread, (..., K)."""
    return radio.rate_bps(
        s.device_tx_power_w,
        gain=gain,
        bandwidth_hz=np.asarray(share) * s.uplink_bandwidth_hz,
        noise_psd_w_per_hz=s.server_noise_psd_w_per_hz,
    )


def downlink_bps(s: SplitScenario, gain: Numbers) -> Array:
    """Rate over the whole downlink band; a share has its part of it, (..., K)."""
    return radio.rate_bps(
        s.server_tx_power_w,
        gain=gain,
        bandwidth_hz=s.downlink_bandwidth_hz,
        noise_psd_w_per_hz=s.device_noise_psd_w_per_hz,
    )


def device_forward_s(s: SplitScenario, layer: Numbers, rank: Numbers, batch_size: Numbers) -> Array:
    """Time of each device's forward pass, (..., K)."""
    return processor.compute_delay_s(
        np.asarray(batch_size)[..., np.newaxis],
        s.device_clock_hz,
        flop_per_sample=front_flop(s, layer, rank)[..., np.newaxis],
        flop_per_cycle=s.device_flop_per_cycle,
    )


def round_cost(
    s: SplitScenario,
    layer: Numbers,
    rank: Numbers,
    batch_size: Numbers,
    uplink_share: Numbers,
    downlink_share: Numbers,
    uplink_gain: Numbers,
    downlink_gain: Numbers,
) -> Cost:
    """Cost of a round, without what its beginning and the averaging of lower halves add.

    t = max_k(B·F_e/(c_k·f_k) + V/r_k^u) + 3·K·B·F_c/(c_s·f_s) + max_k(V/r_k^d + 2·B·F_e/(c_k·f_k))

    Parameters
    ----------
    s : the constants
    layer, rank, batch_size : (...) l, r and B, of each device
    uplink_share, downlink_share : (..., K)
    uplink_gain, downlink_gain : (..., K) power ratios

    Returns
    -------
    Cost; infinitely slow where something crosses and a device has no share

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s, equal = load_scenario("split-digits"), np.full(4, 0.25)
    >>> cost = round_cost(s, 2, 4, 8, equal, equal, s.uplink_gain, s.downlink_gain)
    >>> round(float(cost.delay_s), 4), float(cost.traffic_bits)
    (0.1511, 65536.0)
    """
    bits = crossing_bits(s, layer, rank, batch_size)
    crosses = (bits > 0)[..., np.newaxis]
    up, down = np.asarray(uplink_share), np.asarray(downlink_share)
    # Without a share the rate is 0; one is put there that does no harm.
    up_bps = uplink_bps(s, np.where(up > 0, up, 1.0), uplink_gain)
    down_bps = np.where(down > 0, down, 1.0) * downlink_bps(s, downlink_gain)
    send_s, receive_s = (
        np.where(crosses, np.where(share > 0, bits[..., np.newaxis] / bps, np.inf), 0.0)
        for share, bps in ((up, up_bps), (down, down_bps))
    )
    forward_s = device_forward_s(s, layer, rank, batch_size)
    samples = s.n_devices * np.asarray(batch_size)
    in_cloud: dict[str, Numbers] = {
        "flop_per_sample": (1 + BACKWARD) * back_flop(s, layer, rank),
        "flop_per_cycle": s.server_flop_per_cycle,
    }
    delay_s = (
        np.max(forward_s + send_s, axis=-1)
        + processor.compute_delay_s(samples, s.server_clock_hz, **in_cloud)
        + np.max(receive_s + BACKWARD * forward_s, axis=-1)
    )
    on_devices_j = processor.compute_energy_j(
        np.asarray(batch_size)[..., np.newaxis],
        s.device_clock_hz,
        flop_per_sample=(1 + BACKWARD) * front_flop(s, layer, rank)[..., np.newaxis],
        flop_per_cycle=s.device_flop_per_cycle,
        pue=s.device_pue,
        power_coefficient_w_per_hz3=s.device_power_coefficient_w_per_hz3,
    )
    in_cloud_j = processor.compute_energy_j(
        samples,
        s.server_clock_hz,
        **in_cloud,
        pue=s.server_pue,
        power_coefficient_w_per_hz3=s.server_power_coefficient_w_per_hz3,
    )
    sent_j = s.device_tx_power_w * send_s + s.server_tx_power_w * down * np.where(
        crosses, receive_s, 0.0
    )
    energy_j = in_cloud_j + sum_over_devices(on_devices_j + sent_j)
    return Cost(delay_s, energy_j, 2.0 * s.n_devices * bits)


def start_cost(
    s: SplitScenario, layer: Numbers, rank: Numbers, uplink_gain: Numbers, downlink_gain: Numbers
) -> Cost:
    """Cost of the beginning: the lower half goes out to all at once, or all samples come in.

    P_front·q / min_k r_k^d over the whole band; where all is in the cloud, device after device
    sends its samples over the whole band.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("split-digits")
    >>> [round(float(start_cost(s, layer, 0, s.uplink_gain, s.downlink_gain).delay_s), 3)
    ...  for layer in (0, 2, 5)]
    [18.855, 0.359, 1.061]
    """
    front = _broadcast(s, front_parameters(s, layer, rank) * s.bits_per_value, downlink_gain)
    samples = s.samples_per_device * s.sample_bits * (np.asarray(layer) == 0)
    return _plus(front, _one_by_one(s, samples, uplink_gain))


def averaging_cost(
    s: SplitScenario, layer: Numbers, rank: Numbers, uplink_gain: Numbers, downlink_gain: Numbers
) -> Cost:
    """Cost of averaging the lower halves: device after device sends its own, all get the mean.

    Σ_k P_front·q/r_k^u + P_front·q / min_k r_k^d, over the whole bands

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> s = load_scenario("split-digits")
    >>> round(float(averaging_cost(s, 2, 4, s.uplink_gain, s.downlink_gain).delay_s), 3)
    1.758
    """
    bits = front_parameters(s, layer, rank) * s.bits_per_value
    return _plus(_one_by_one(s, bits, uplink_gain), _broadcast(s, bits, downlink_gain))


def _plus(one: Cost, other: Cost) -> Cost:
    return Cost(*(a + b for a, b in zip(one, other, strict=True)))


def _one_by_one(s: SplitScenario, bits: Array, gain: Numbers) -> Cost:
    """Let every device send so many bits, one after another, over the whole uplink."""
    send_s = bits[..., np.newaxis] / uplink_bps(s, 1.0, gain)
    energy_j = sum_over_devices(s.device_tx_power_w * send_s)
    return Cost(sum_over_devices(send_s), energy_j, s.n_devices * bits)


def _broadcast(s: SplitScenario, bits: Array, gain: Numbers) -> Cost:
    """Send so many bits to all devices at once, over the whole downlink."""
    delay_s = bits / np.min(downlink_bps(s, gain), axis=-1)
    return Cost(delay_s, s.server_tx_power_w * delay_s, bits * np.ones_like(delay_s))
