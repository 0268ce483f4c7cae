"""The lines of a new scenario: values that are known, each with its source, written as TOML."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from edgegym.scenario.profiles import (
    CELLS,
    DEVICE_NOISE_PSD_W_PER_HZ,
    DEVICES,
    SERVER,
    SERVER_NOISE_PSD_W_PER_HZ,
    power_ratio,
)

MAX_PRETRAIN_ROUNDS, MAX_FINETUNE_ROUNDS = 300, 600
LARGEST_BATCH = 64


class Radio(NamedTuple):
    """The cell that the devices are in."""

    cell: str
    bandwidth_hz: float
    carrier_hz: float
    distance_m: Sequence[float]  # of each device


class Entry(NamedTuple):
    """A value of a scenario file, and where it comes from."""

    value: Any
    source: str


Entries = dict[str, Entry]


def processors(profile: str) -> Entries:
    """Write down the server and devices of a profile, and how much they do in a round at most."""
    device = DEVICES[profile]
    entries = {
        "max_pretrain_rounds": Entry(MAX_PRETRAIN_ROUNDS, "assumed: as in scenario digits"),
        "max_finetune_rounds": Entry(MAX_FINETUNE_ROUNDS, "assumed: as in scenario digits"),
        "pretrain_batch_size_limit": Entry(LARGEST_BATCH, "assumed: as in scenario digits"),
        "finetune_batch_size_limit": Entry(LARGEST_BATCH, "assumed: as in scenario digits"),
    }
    for who, processor in {"server": SERVER, "device": device}.items():
        entries |= {
            f"{who}_clock_limit_hz": Entry(processor.clock_hz, processor.clock_source),
            f"{who}_flop_per_cycle": Entry(processor.flop_per_cycle, processor.flop_source),
            f"{who}_pue": Entry(processor.pue, "assumed: of what the processor takes"),
            f"{who}_power_coefficient_w_per_hz3": Entry(
                processor.power_coefficient_w_per_hz3,
                f"{processor.power_w:g} W at its clock; {processor.power_source}",
            ),
        }
    return entries | {
        "server_tx_power_w": Entry(SERVER.tx_power_w, "assumed: 30 dBm, a small base station"),
        "device_tx_power_peak_limit_w": Entry(device.tx_power_w, "assumed: a device of its kind"),
        "device_tx_power_mean_limit_w": Entry(device.tx_power_w, "assumed: as the peak"),
    }


def links(radio: Radio) -> Entries:
    """Write down the links of a cell, path losses as ratios of powers."""
    cell = CELLS[radio.cell]
    losses = [cell.path_loss_db(d, radio.carrier_hz) for d in radio.distance_m]
    gains = [power_ratio(loss) for loss in losses]
    where = ", ".join(f"{d:g} m" for d in dict.fromkeys(radio.distance_m))
    source = (
        f"{cell.source}: {min(losses):.1f} dB or more at {where}, {radio.carrier_hz / 1e9:g} GHz"
    )
    return {
        "channel_mode": Entry("fixed", "assumed: nobody moves"),
        "mean_path_gain": Entry(float(np.mean(gains)), f"mean over the devices; {source}"),
        "uplink_gain": Entry(gains, source),
        "downlink_gain": Entry(gains, "as the uplink's"),
        "uplink_bandwidth_hz": Entry(radio.bandwidth_hz, "as asked for, of each device"),
        "downlink_bandwidth_hz": Entry(radio.bandwidth_hz, "as asked for"),
        "server_noise_psd_w_per_hz": Entry(
            SERVER_NOISE_PSD_W_PER_HZ, "-174 dBm/Hz; assumed: noise figure of 5 dB"
        ),
        "device_noise_psd_w_per_hz": Entry(
            DEVICE_NOISE_PSD_W_PER_HZ, "-174 dBm/Hz; assumed: noise figure of 9 dB"
        ),
    }


def constants(learning_rate: float) -> Entries:
    """Write down the constants of (34) for want of measured ones, and what is to be measured."""
    assumed = "assumed: as in scenario digits; `edgegym calibrate` measures it"
    values = {
        **dict.fromkeys(("pretrain_smoothness", "finetune_smoothness"), 10.0),
        **dict.fromkeys(("pretrain_gradient_variance", "finetune_gradient_variance"), 25.0),
        "data_lipschitz": 1.0,
        "distribution_distance": 0.0,
        "initial_loss_gap": 1.0,
        "flop_per_sample": 1.0,
        "update_size_bits": 1.0,
    }
    entries = {key: Entry(value, assumed) for key, value in values.items()}
    return {"learning_rate": Entry(learning_rate, "as asked for")} | entries


def toml_text(name: str, physics: Entries, task: Entries) -> str:
    """Write TOML, every value with its source."""
    about = (
        '# A new scenario of edgegym. Every value carries its source: "measured" on this\n'
        '# network and these data, "assumed" with the reason, or what it is taken from.\n'
    )
    lines = [about + f"name = {json.dumps(name)}\n"]
    lines += [_line(key, entry) for key, entry in physics.items()]
    return "\n".join([*lines, "\n[learning]", *(_line(*pair) for pair in task.items())]) + "\n"


def _line(key: str, entry: Entry) -> str:
    values = entry.value if isinstance(entry.value, list) else [entry.value]
    written = [f"{v:.4g}" if isinstance(v, float) else json.dumps(v) for v in values]
    value = f"[{', '.join(written)}]" if isinstance(entry.value, list) else written[0]
    return f"{key} = {value}".ljust(46) + f"  # {entry.source}"
