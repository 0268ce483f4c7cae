"""Mean power, rates, transfer delays and radio energy, (10), (12)-(13) and (19)-(20)."""

import numpy as np

from edgegym.physics import ONE, Array, Numbers

LN2 = np.array(np.log(2))


def mean_tx_power_w(tx_power_sum_w: Numbers, n_rounds: Numbers) -> Array:
    """Mean transmit power over fine-tuning rounds, the left side of (10).

    Σ_n p_k^(n) / N, and nothing where no round was run

    Parameters
    ----------
    tx_power_sum_w : (...) W, the powers of all rounds together
    n_rounds : (...) rounds, N

    Returns
    -------
    (...) W

    Examples
    --------
    >>> mean_tx_power_w(np.array([0.2, 0.8]), 4), float(mean_tx_power_w(0.0, 0))
    (array([0.05, 0.2 ]), 0.0)
    """
    return np.asarray(tx_power_sum_w) / np.maximum(n_rounds, ONE)


def snr_per_watt(gain: Numbers, bandwidth_hz: Numbers, noise_psd_w_per_hz: Numbers) -> Array:
    """Signal-to-noise ratio that one watt of transmit power gives, inside (12) and (13).

    g / (W · N₀)

    Parameters
    ----------
    gain : (..., K) power ratio, g
    bandwidth_hz : () or (K,) Hz, W
    noise_psd_w_per_hz : () or (K,) W/Hz, N₀

    Returns
    -------
    (..., K) 1/W

    Examples
    --------
    >>> float(snr_per_watt(2e-6, 100e3, 1e-16))
    200000.0
    """
    return np.asarray(gain) / (np.asarray(bandwidth_hz) * np.asarray(noise_psd_w_per_hz))


def rate_bps(
    tx_power_w: Numbers,
    *,
    gain: Numbers,
    bandwidth_hz: Numbers,
    noise_psd_w_per_hz: Numbers,
) -> Array:
    """Achievable rate of a link, (12) for the uplink and (13) for the downlink.

    r = W · log₂(1 + g · p / (W · N₀))

    Parameters
    ----------
    tx_power_w : (..., K) W, p
    gain : (..., K) power ratio, g
    bandwidth_hz : () or (K,) Hz, W
    noise_psd_w_per_hz : () or (K,) W/Hz, N₀

    Returns
    -------
    (..., K) bit/s

    Examples
    --------
    With a signal-to-noise ratio of 1023, log₂(1024) = 10 bits per second and hertz:

    >>> float(rate_bps(1023e-11, gain=1.0, bandwidth_hz=100e3, noise_psd_w_per_hz=1e-16))
    1000000.0
    """
    snr = tx_power_w * snr_per_watt(gain, bandwidth_hz, noise_psd_w_per_hz)
    return rate_of_snr_bps(snr, bandwidth_hz)


def rate_of_snr_bps(snr: Numbers, bandwidth_hz: Numbers) -> Array:
    """Achievable rate of a signal-to-noise ratio, the outer part of (12) and (13).

    r = W · log₂(1 + snr)

    Parameters
    ----------
    snr : (..., K) power ratio
    bandwidth_hz : () or (K,) Hz, W

    Returns
    -------
    (..., K) bit/s

    Examples
    --------
    >>> float(rate_of_snr_bps(1023.0, 100e3))
    1000000.0
    """
    return bandwidth_hz * np.log1p(snr) / LN2


def transfer_delay_s(size_bits: Numbers, rate_bps: Numbers) -> Array:
    """Time to send a model or a gradient, the upload and download delays below (15).

    τ = β / r

    Parameters
    ----------
    size_bits : () bit, β
    rate_bps : (..., K) bit/s, r

    Returns
    -------
    (..., K) s

    Examples
    --------
    >>> float(transfer_delay_s(0.2e6, 1e6))
    0.2
    """
    return np.asarray(size_bits) / rate_bps


def upload_energy_j(tx_power_w: Numbers, upload_delay_s: Numbers) -> Array:
    """Energy that a device spends on one upload, (19).

    E = p · β / r = p · τ

    Parameters
    ----------
    tx_power_w : (..., K) W, p
    upload_delay_s : (..., K) s, β / r

    Returns
    -------
    (..., K) J

    Examples
    --------
    >>> float(upload_energy_j(0.5, 0.2))
    0.1
    """
    return np.asarray(tx_power_w) * upload_delay_s


def download_energy_j(server_tx_power_w: Numbers, download_delay_s: Numbers) -> Array:
    """Energy that the server spends on one broadcast, which lasts until the slowest device, (20).

    E = P̃ · max_k β / r_k

    Parameters
    ----------
    server_tx_power_w : () W, P̃
    download_delay_s : (..., K) s, β / r_k

    Returns
    -------
    (...) J

    Examples
    --------
    >>> float(download_energy_j(0.5, np.array([0.1, 0.3, 0.2])))
    0.15
    """
    return server_tx_power_w * np.maximum.reduce(download_delay_s, axis=-1)


def least_power_w(
    size_bits: Numbers,
    deadline_s: Numbers,
    *,
    gain: Numbers,
    bandwidth_hz: Numbers,
    noise_psd_w_per_hz: Numbers,
) -> Array:
    """Least transmit power that delivers a transfer within a deadline, the inverse of (12).

    p = W · N₀ / g · (2^(β / (W · u)) - 1)

    Parameters
    ----------
    size_bits : () bit, β
    deadline_s : (..., K) s, u
    gain : (..., K) power ratio, g
    bandwidth_hz : () or (K,) Hz, W
    noise_psd_w_per_hz : () or (K,) W/Hz, N₀

    Returns
    -------
    (..., K) W

    Examples
    --------
    The link of `rate_bps` above, asked to send a million bits in a second:

    >>> link = dict(gain=1.0, bandwidth_hz=100e3, noise_psd_w_per_hz=1e-16)
    >>> float(least_power_w(1e6, 1.0, **link))
    1.023e-08
    """
    bits_per_hz = np.asarray(size_bits) / (np.asarray(bandwidth_hz) * deadline_s)
    return np.expm1(LN2 * bits_per_hz) / snr_per_watt(gain, bandwidth_hz, noise_psd_w_per_hz)


def least_bandwidth_hz(
    rate_bps: Numbers, tx_power_w: Numbers, *, gain: Numbers, noise_psd_w_per_hz: Numbers
) -> Array:
    """Least bandwidth over which a transmit power gives a rate, the inverse of (12) in W.

    W = a / y with a = g · p / N₀ and ln(1 + y) = κ · y, κ = r · ln 2 / a

    Even an unlimited bandwidth gives no more than a / ln 2, so there is none for κ >= 1. The
    closed form with Lambert's W loses all digits near there; v = ln(1 + y) does not, as the
    logarithm of (eᵛ - 1) / v = 1 / κ is convex in v with a slope between 1/2 and 1.

    Parameters
    ----------
    rate_bps : (..., K) bit/s, r
    tx_power_w : (..., K) W, p
    gain : (..., K) power ratio, g
    noise_psd_w_per_hz : () or (K,) W/Hz, N₀

    Returns
    -------
    (..., K) Hz, infinite where no bandwidth gives the rate, 0 for a rate of 0

    Examples
    --------
    The link of `rate_bps` above, and a rate that it cannot have:

    >>> link = dict(gain=1.0, noise_psd_w_per_hz=1e-16)
    >>> least_bandwidth_hz(np.array([1e6, 0.0, 1e9]), 1023e-11, **link).round(6)
    array([100000.,      0.,     inf])
    """
    limit_hz = np.asarray(gain) * tx_power_w / np.asarray(noise_psd_w_per_hz)
    kappa = np.asarray(rate_bps) * LN2 / limit_hz
    target = -np.log(np.where((kappa > 0) & (kappa < 1), kappa, 0.5))
    v = target + np.log1p(target)
    for _ in range(6):
        slope = np.clip(1 / -np.expm1(-v) - 1 / v, 0.5, 1.0)  # where rounding leaves it anything
        v = np.maximum(v - (v + np.log(-np.expm1(-v) / v) - target) / slope, target)
    bandwidth_hz = np.where(kappa < 1, limit_hz / np.expm1(v), np.inf)
    return np.where(kappa > 0, bandwidth_hz, 0.0)
