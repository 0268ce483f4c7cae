"""The lines of a new scenario: values that are known, each with its source, written as TOML."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from edgegym.learning.sources import RawData, inputs_of
from edgegym.scenario.profiles import (
    CELLS,
    DEVICE_NOISE_PSD_W_PER_HZ,
    SERVER_NOISE_PSD_W_PER_HZ,
    power_ratio,
)

#: More than these are of no use in a study.
MOST_SAMPLES, MOST_VALIDATION_SAMPLES, MOST_TEST_SAMPLES = 20_000, 1_000, 2_000


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


def task_entries(
    raws: Mapping[str, RawData], network: str, source: str, target: str, n_devices: int
) -> Entries:
    """Write down what is trained on which data, and who gets how many of the samples."""
    counts = share_counts(raws, source, target, n_devices)
    return {
        "network": Entry(network, "as asked for"),
        "pretrain_dataset": Entry(source, _held(raws[source])),
        "finetune_dataset": Entry(target, _held(raws[target])),
        **{key: Entry(count, "measured: of what there is") for key, count in counts.items()},
        "validation_interval": Entry(50, "assumed: rounds between two looks at the loss"),
    }


def share_counts(
    raws: Mapping[str, RawData], source: str, target: str, n_devices: int
) -> dict[str, int]:
    """Share out what the data sets hold: two fifths for the server, a third for the devices.

    Examples
    --------
    >>> import torch
    >>> from edgegym.learning.centralized import Samples
    >>> held = RawData(Samples(torch.zeros(150, 1), torch.zeros(150, dtype=torch.int64)), None)
    >>> list(share_counts({"mine": held}, "mine", "mine", n_devices=3).values())
    [60, 48, 10, 30]
    """
    n_source, n_target = len(raws[source].train), len(raws[target].train)
    own_test_set = raws[target].test
    n_server = int(0.4 * n_source) if source == target else n_source
    n_device = int(0.33 * n_target) if source == target else int(0.7 * n_target)
    return {
        "n_server_samples": min(n_server, MOST_SAMPLES),
        "n_device_samples": min(n_device, MOST_SAMPLES) // n_devices * n_devices,
        "n_validation_samples": min(int(0.07 * n_target), MOST_VALIDATION_SAMPLES),
        "n_test_samples": min(
            len(own_test_set) if own_test_set else int(0.2 * n_target), MOST_TEST_SAMPLES
        ),
    }


def two_digits(value: float) -> float:
    """Round to two digits.

    Examples
    --------
    >>> two_digits(1234.5), two_digits(0.0678)
    (1200.0, 0.068)
    """
    return float(f"{value:.1e}")


def _held(raw: RawData) -> str:
    return f"as asked for: {len(raw.train):,} {inputs_of(raw)}"


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
