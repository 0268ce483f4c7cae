"""A slow reference of (12)-(21) and (34), in the paper's letters and without shortcuts."""

import math

import numpy as np

from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR


def rate(w, g, p, n0):
    return w * math.log2(1 + g * p / (w * n0))  # (12), (13)


def overall_delay(s, plan):
    total = 0.0
    for m in range(plan.n_pretrain_rounds):  # (14)
        total += (
            plan.pretrain_batch_size[m]
            * s.flop_per_sample
            / (plan.server_clock_hz[m] * s.server_flop_per_cycle)
        )
    for n in range(plan.n_finetune_rounds):
        total += max(device_delay(s, plan, n, k) for k in range(s.n_devices))  # (16)
    return total


def device_delay(s, plan, n, k):
    r_down = rate(
        s.downlink_bandwidth_hz,
        s.downlink_gain[k],
        s.server_tx_power_w,
        s.device_noise_psd_w_per_hz[k],
    )
    training = (
        plan.finetune_batch_size[n, k]
        * s.flop_per_sample
        / (plan.device_clock_hz[n, k] * s.device_flop_per_cycle[k])
    )  # (15)
    return s.update_size_bits / r_down + training + upload_delay(s, plan, n, k)


def upload_delay(s, plan, n, k):
    return s.update_size_bits / rate(
        s.uplink_bandwidth_hz[k],
        s.uplink_gain[k],
        plan.device_tx_power_w[n, k],
        s.server_noise_psd_w_per_hz,
    )


def overall_energy(s, plan):
    total = 0.0
    for m in range(plan.n_pretrain_rounds):  # (17)
        total += (
            s.server_pue
            * plan.pretrain_batch_size[m]
            * s.flop_per_sample
            / s.server_flop_per_cycle
            * s.server_power_coefficient_w_per_hz3
            * plan.server_clock_hz[m] ** 2
        )
    for n in range(plan.n_finetune_rounds):
        slowest = 0.0
        for k in range(s.n_devices):
            total += (
                s.device_pue[k]
                * plan.finetune_batch_size[n, k]
                * s.flop_per_sample
                / s.device_flop_per_cycle[k]
                * s.device_power_coefficient_w_per_hz3[k]
                * plan.device_clock_hz[n, k] ** 2
            )  # (18)
            total += plan.device_tx_power_w[n, k] * upload_delay(s, plan, n, k)  # (19)
            r_down = rate(
                s.downlink_bandwidth_hz,
                s.downlink_gain[k],
                s.server_tx_power_w,
                s.device_noise_psd_w_per_hz[k],
            )
            slowest = max(slowest, s.update_size_bits / r_down)
        total += s.server_tx_power_w * slowest  # (20)
    return total


def bound(s, plan):
    lambda_ = sum(1 / d for d in plan.pretrain_batch_size)
    omega = sum(1 / sum(row) for row in plan.finetune_batch_size)
    m_plus_n = plan.n_pretrain_rounds + plan.n_finetune_rounds
    noise = s.learning_rate * (
        s.pretrain_smoothness * s.pretrain_gradient_variance * lambda_
        + s.finetune_smoothness * s.finetune_gradient_variance * s.n_devices * omega
    )
    shift = 2 * s.data_lipschitz * s.distribution_distance / s.learning_rate
    start = 2 * s.initial_loss_gap / s.learning_rate
    return (noise + shift + start) / m_plus_n  # (34)


def least_energy(s, scheme, m, n, batch, batch_k, delay_s):
    """Least energy of m and n alike rounds within a delay, infinite where they do not fit.

    Every round time is tried, for each every split into computing and uploading, in ever finer
    steps; nothing is derived from the formulas but that the energy falls, then rises.
    """
    floors = (1, 1 if scheme.fixed_clock else CLOCK_FLOOR)
    server = [
        batch * s.flop_per_sample / (x * s.server_clock_limit_hz * s.server_flop_per_cycle)
        for x in floors
    ]
    computing = [
        batch_k * s.flop_per_sample / (x * s.device_clock_limit_hz * s.device_flop_per_cycle)
        for x in floors
    ]
    p = np.minimum(s.device_tx_power_peak_limit_w, s.device_tx_power_mean_limit_w)
    least_p = (
        p if scheme.fixed_power else np.minimum(POWER_FLOOR * s.device_tx_power_peak_limit_w, p)
    )
    upload = [
        s.update_size_bits
        / log_rate(s.uplink_bandwidth_hz, s.uplink_gain, x, s.server_noise_psd_w_per_hz)
        for x in (p, least_p)
    ]
    download = s.update_size_bits / log_rate(
        s.downlink_bandwidth_hz, s.downlink_gain, s.server_tx_power_w, s.device_noise_psd_w_per_hz
    )
    fastest, slowest = (np.max(download + computing[i] + upload[i]) for i in (0, 1))
    if m * server[0] + n * fastest > delay_s:
        return math.inf

    def server_energy(t):
        f = batch * s.flop_per_sample / (s.server_flop_per_cycle * t)
        return s.server_pue * s.server_power_coefficient_w_per_hz3 * f**3 * t  # (17)

    def device_energy(t, u):
        f = batch_k * s.flop_per_sample / (s.device_flop_per_cycle * t)
        snr = np.expm1(math.log(2) * s.update_size_bits / (s.uplink_bandwidth_hz * u))
        p = snr * s.uplink_bandwidth_hz * s.server_noise_psd_w_per_hz / s.uplink_gain
        return s.device_pue * s.device_power_coefficient_w_per_hz3 * f**3 * t + p * u  # (18), (19)

    def overall(round_s):
        left = np.clip((delay_s - n * round_s) / max(m, 1), *server)
        available = round_s[..., np.newaxis] - download
        most = np.clip(available - upload[0], *computing)
        least = np.minimum(np.clip(available - upload[1], *computing), most)
        split = least_value(
            lambda t: device_energy(t, np.clip(available - t, *upload)), least, most
        )
        devices = split.sum(axis=-1) + s.server_tx_power_w * download.max()  # (20)
        return (m * server_energy(left) if m else 0.0 * left) + (n * devices if n else 0.0)

    longest = np.clip((delay_s - m * server[0]) / max(n, 1), fastest, slowest)
    return float(least_value(overall, np.asarray(fastest), longest))


def log_rate(w, g, p, n0):
    return w * np.log1p(g * p / (w * n0)) / math.log(2)  # (12), (13), with all its digits


def least_value(f, low, high):
    """Least value of functions that fall and then rise, by ever finer steps."""
    for _ in range(12):
        x = np.linspace(low, high, 21)
        best = np.argmin(f(x), axis=0)[np.newaxis]
        low = np.take_along_axis(x, np.maximum(best - 1, 0), axis=0)[0]
        high = np.take_along_axis(x, np.minimum(best + 1, 20), axis=0)[0]
    return f(np.linspace(low, high, 21)).min(axis=0)
