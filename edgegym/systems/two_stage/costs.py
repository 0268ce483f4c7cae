"""Delay and energy of a round."""

from typing import Any, NamedTuple

import numpy as np

from edgegym.physics import Array, Numbers, processor, radio
from edgegym.physics.sums import sum_over_devices
from edgegym.systems.two_stage.scenario import Scenario


class Cost(NamedTuple):
    """Delay and energy of one round, or of many along the leading axes."""

    delay_s: Array
    energy_j: Array


def pretrain_round_cost(scenario: Scenario, *, batch_size: Numbers, clock_hz: Numbers) -> Cost:
    """Delay and energy of a pre-training round, the summands of (14) and (17).

    Static power, which the paper has none of, is drawn all the while.

    Parameters
    ----------
    scenario : the constants
    batch_size : (...) samples, D̃
    clock_hz : (...) Hz, f

    Returns
    -------
    Cost of (...) s and (...) J

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> cost = pretrain_round_cost(load_scenario("mnist"), batch_size=700, clock_hz=1.6e9)
    >>> float(cost.delay_s), round(float(cost.energy_j), 5)
    (0.4375, 28.02688)
    """
    s = scenario
    work = {"flop_per_sample": s.flop_per_sample, "flop_per_cycle": s.server_flop_per_cycle}
    delay_s = processor.compute_delay_s(batch_size, clock_hz, **work)
    energy_j = processor.compute_energy_j(
        batch_size,
        clock_hz,
        **work,
        pue=s.server_pue,
        power_coefficient_w_per_hz3=s.server_power_coefficient_w_per_hz3,
    )
    return _with_static_power(s, delay_s, energy_j)


def _with_static_power(scenario: Scenario, delay_s: Array, energy_j: Array) -> Cost:
    if scenario.static_power_w:
        energy_j = energy_j + scenario.static_power_w * delay_s
    return Cost(delay_s, energy_j)


def download_delay_s(scenario: Scenario, downlink_gain: Numbers | None = None) -> Array:
    """Time in which each device receives the model, β / r_d with (13).

    Parameters
    ----------
    scenario : the constants
    downlink_gain : (..., K) power ratio, g_d; the scenario's where none is given

    Returns
    -------
    (..., K) s

    Examples
    --------
    Gains 2e-6 and up at 0.5 W: log₂(1 + 10⁵) = 16.61 bit/s/Hz for the first device:

    >>> from edgegym import load_scenario
    >>> float(download_delay_s(load_scenario("mnist"))[0].round(5))
    0.12041
    """
    s = scenario
    rate_bps = radio.rate_bps(
        s.server_tx_power_w,
        gain=s.downlink_gain if downlink_gain is None else downlink_gain,
        bandwidth_hz=s.downlink_bandwidth_hz,
        noise_psd_w_per_hz=s.device_noise_psd_w_per_hz,
    )
    return radio.transfer_delay_s(s.update_bits, rate_bps)


class Links(NamedTuple):
    """What follows from the gains of a round alone, (..., K) but for the broadcast's energy."""

    snr_per_watt: Array  # of the uplink, 1/W, g_u / (W · N₀)
    download_s: Array  # β / r_d
    download_j: Array  # (...), P̃ · max_k β / r_d


def links(
    scenario: Scenario,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
    takes_part: Numbers | None = None,
) -> Links:
    """Work out what the gains of a round say of (12), (13) and (20), whatever is decided.

    Parameters
    ----------
    scenario : the constants
    uplink_gain, downlink_gain : (..., K) power ratios; the scenario's where none is given
    takes_part : (..., K) ratios above 0 of those who receive the broadcast; of all if none is given

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> float(links(load_scenario("mnist")).download_j.round(5))
    0.06021
    """
    s = scenario
    download_s = download_delay_s(s, downlink_gain)
    received_s = download_s if takes_part is None else download_s * np.greater(takes_part, 0)
    return Links(
        radio.snr_per_watt(
            s.uplink_gain if uplink_gain is None else uplink_gain,
            s.uplink_bandwidth_hz,
            s.server_noise_psd_w_per_hz,
        ),
        download_s,
        radio.download_energy_j(s.server_tx_power_w, received_s),
    )


def finetune_round_cost(
    scenario: Scenario,
    *,
    batch_size: Numbers,
    clock_hz: Numbers,
    tx_power_w: Numbers,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
    given: Links | None = None,
    takes_part: Numbers | None = None,
) -> Cost:
    """Delay and energy of a fine-tuning round, the summands of (16) and (21).

    delay = max_k (β/r_d + B̃_k·N_FLOP/(f̂_k·ĉ_k) + β/r_u)
    energy = P̃·max_k β/r_d + Σ_k (η̂_k·B̃_k·N_FLOP/ĉ_k·φ̂_k·f̂_k² + p_k·β/r_u)

    over the devices that take part, and static power all the while. N_FLOP is that of all local
    steps, and β/r_u is of what is sent after compression.

    Parameters
    ----------
    scenario : the constants
    batch_size : (..., K) samples, B̃_k
    clock_hz : (..., K) Hz, f̂_k
    tx_power_w : (..., K) W, p_k
    uplink_gain, downlink_gain : (..., K) power ratios; the scenario's where none is given
    given : in place of the gains, where their `links` are known already
    takes_part : (..., K) 1 of who takes part and 0 of who does not, or how likely it is, for the
        longest delay and the mean energy; where none is given that is the scenario's

    Returns
    -------
    Cost of (...) s and (...) J

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> cost = finetune_round_cost(load_scenario("mnist"), batch_size=np.full(3, 180),
    ...                            clock_hz=np.full(3, 360e6), tx_power_w=np.full(3, 0.5))
    >>> float(cost.delay_s.round(5)), float(cost.energy_j.round(5))
    (0.72925, 0.34398)
    """
    s = scenario
    work: dict[str, Any] = {
        "flop_per_sample": s.device_flop_per_sample,
        "flop_per_cycle": s.device_flop_per_cycle,
    }
    if takes_part is None:
        takes_part = s.mean_participation
    snr_per_watt, download_s, download_j = given or links(s, uplink_gain, downlink_gain, takes_part)
    training_s = processor.compute_delay_s(batch_size, clock_hz, **work)
    upload_bps = radio.rate_of_snr_bps(tx_power_w * snr_per_watt, s.uplink_bandwidth_hz)
    upload_s = radio.transfer_delay_s(s.upload_size_bits, upload_bps)
    training_j = processor.compute_energy_j(
        batch_size,
        clock_hz,
        **work,
        pue=s.device_pue,
        power_coefficient_w_per_hz3=s.device_power_coefficient_w_per_hz3,
    )
    upload_j = radio.upload_energy_j(tx_power_w, upload_s)
    device_s, device_j = download_s + training_s + upload_s, training_j + upload_j
    if takes_part is not None:
        device_s, device_j = device_s * np.greater(takes_part, 0), device_j * takes_part
    delay_s = np.maximum.reduce(device_s, axis=-1)
    return _with_static_power(s, delay_s, download_j + sum_over_devices(device_j))
