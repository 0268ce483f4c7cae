"""The worked case: four devices, three blocks, small numbers, for docstrings and tests."""

from edgegym.systems.cooperative.scenario import CooperativeScenario


def worked_scenario() -> CooperativeScenario:
    """Make the worked case: 2 + n operations and bytes for block n, and next to no download.

    Examples
    --------
    >>> worked_scenario().n_blocks
    3
    """
    values = {
        "name": "worked",
        "delay_budget_s": 100.0,
        "max_rounds": 1000,
        "n_devices": 4,
        "least_batch_size": 1,
        "batch_size_limit": 1,
        "forward_flop_per_sample": 2.0,
        "backward_flop_per_sample": [1.0, 2.0, 3.0],
        "gradient_flop_per_sample": 0.0,
        "activation_bytes_per_sample": [1.0, 2.0, 3.0],
        "model_bytes": 2.0,
        "block_state_bytes": 0.0,
        "update_size_bits": 2.0,
        "channel_mode": "fixed",
        "mean_path_gain": 1.0,
        "uplink_gain": 1.0,
        "downlink_gain": 1.0,
        "uplink_bandwidth_hz": 2.0,
        "downlink_bandwidth_hz": 1e15,
        "uplink_efficiency_bps_per_hz": [2.0, 4.0, 1.0, 3.0],
        "server_noise_psd_w_per_hz": 1.0,
        "device_noise_psd_w_per_hz": 1e-15,
        "server_tx_power_w": 1.0,
        "device_tx_power_w": 1.0,
        "device_clock_hz": [1.0, 1.5, 2.0, 3.0],
        "device_flop_per_cycle": 1.0,
        "device_memory_bytes": [3.0, 5.0, 4.0, 5.0],
        "device_pue": 1.0,
        "device_power_coefficient_w_per_hz3": 1.0,
        "learning_rate": 0.1,
    }
    return CooperativeScenario.parse(values, where="the worked case")
