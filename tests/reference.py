"""A slow reference of (12)-(21) and (34): loops over everything, the paper's letters, math only."""

import math


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
