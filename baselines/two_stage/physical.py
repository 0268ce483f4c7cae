"""From times back to what is set on the machines: clocks and powers that need exactly so long."""

from edgegym.physics import Array, Numbers, processor, radio
from edgegym.systems.two_stage.scenario import Scenario


def server_clock_hz(scenario: Scenario, batch_size: Numbers, time_s: Numbers) -> Array:
    """Clock at which the server computes so many samples in so long, (14).

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> float(server_clock_hz(load_scenario("mnist"), 700, 0.4375))
    1600000000.0
    """
    return processor.clock_for_deadline_hz(
        batch_size,
        time_s,
        flop_per_sample=scenario.flop_per_sample,
        flop_per_cycle=scenario.server_flop_per_cycle,
    )


def device_clock_hz(scenario: Scenario, batch_size: Numbers, time_s: Numbers) -> Array:
    """Clocks at which the devices compute (..., K) samples in (..., K) s, (15).

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> device_clock_hz(load_scenario("mnist"), 180, 0.5).tolist()
    [360000000.0, 360000000.0, 360000000.0]
    """
    return processor.clock_for_deadline_hz(
        batch_size,
        time_s,
        flop_per_sample=scenario.flop_per_sample,
        flop_per_cycle=scenario.device_flop_per_cycle,
    )


def device_tx_power_w(scenario: Scenario, time_s: Numbers, uplink_gain: Numbers) -> Array:
    """Least powers that upload the model in (..., K) s over (..., K) gains, (12).

    Examples
    --------
    One bit/s/Hz takes as much power as there is noise: 10⁵ Hz · 10⁻¹⁶ W/Hz / 10⁻⁵.

    >>> from edgegym import load_scenario
    >>> device_tx_power_w(load_scenario("mnist"), [2.0] * 3, 1e-5).round(9).tolist()
    [1e-06, 1e-06, 1e-06]
    """
    return radio.least_power_w(
        scenario.update_bits,
        time_s,
        gain=uplink_gain,
        bandwidth_hz=scenario.uplink_bandwidth_hz,
        noise_psd_w_per_hz=scenario.server_noise_psd_w_per_hz,
    )
