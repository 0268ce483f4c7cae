"""Scenarios of split fine-tuning that tests share."""

import numpy as np

from edgegym import load_scenario

DEFAULT = load_scenario("split-digits")
#: BERT-base with a sequence of 128, as the note on related systems counts it.
BERT_BASE = DEFAULT.replace(
    learning=None,
    n_layers=12,
    width=768,
    feedforward_width=3072,
    sequence_length=128,
    norm_first=False,
    embedding_parameters=23_837_184,
    head_parameters=590_592,  # the pooler; without a classifier
    split_layers=list(range(1, 13)),
    ranks=[1, 2, 4, 8, 16, 32, 64, 128, 768],
)


def random_scenario(seed):
    """Other devices, radio and processors; the network and its law stay."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 6))
    spread = lambda low, high: (10 ** rng.uniform(low, high, k)).tolist()  # noqa: E731
    names = ("device_noise_psd_w_per_hz", "device_pue", "device_power_coefficient_w_per_hz3")
    alike = {name: [float(getattr(DEFAULT, name)[0])] * k for name in names}
    return DEFAULT.model_copy(update={"learning": None}).replace(
        **alike,
        uplink_gain=spread(-11, -8),
        downlink_gain=spread(-11, -8),
        device_tx_power_w=spread(-1, 0),
        device_clock_hz=spread(8, 9.5),
        device_flop_per_cycle=spread(-1, 0),
        device_memory_bytes=spread(6, 7),
        uplink_bandwidth_hz=float(10 ** rng.uniform(4.5, 6)),
        downlink_bandwidth_hz=float(10 ** rng.uniform(4.5, 6)),
        delay_budget_s=float(10 ** rng.uniform(1, 2)),
        accuracy_floor=0.5,
        keep_samples=bool(rng.integers(2)),
    )
