"""Scenarios and second opinions of cooperative fine-tuning for the tests."""

from itertools import permutations

import numpy as np
from scipy.optimize import brentq

from edgegym import load_scenario
from edgegym.systems.cooperative import blocks
from edgegym.systems.cooperative.scenario import CooperativeScenario


def random_scenario(rng, n_devices=None, n_blocks=None, efficiency=None):
    """The default's values, every device's over a decade; some memories hold no deep block."""
    n_blocks = int(rng.integers(1, 5)) if n_blocks is None else n_blocks
    n_devices = int(rng.integers(n_blocks, 8)) if n_devices is None else n_devices
    data = load_scenario("cooperative-digits").model_dump() | {
        "learning": None,
        "delay_budget_s": 1e9,
        "n_devices": n_devices,
    }
    steps = np.cumsum(rng.uniform(0.5, 1.5, (2, n_blocks)), axis=1)
    data["backward_flop_per_sample"] = (2e5 * steps[0]).tolist()
    data["activation_bytes_per_sample"] = (1e4 * steps[1]).tolist()
    data["uplink_bandwidth_hz"] = 10 ** rng.uniform(5, 7)
    for key, value in data.items():
        if isinstance(value, list) and key not in ("backward_flop_per_sample",):
            if key == "activation_bytes_per_sample":
                continue
            spread = 10 ** rng.uniform(-0.5, 0.5, n_devices)
            data[key] = (float(np.mean(value)) * spread).tolist()
    least = data["model_bytes"] + data["block_state_bytes"]
    memory = least + 16 * 1e4 * n_blocks * 10 ** rng.uniform(-0.7, 0.7, n_devices)
    data["device_memory_bytes"] = memory.tolist()
    if efficiency or (efficiency is None and rng.random() < 0.5):
        data["uplink_efficiency_bps_per_hz"] = rng.uniform(0.5, 8, n_devices).tolist()
    return CooperativeScenario.model_validate(data)


def matchings(scenario):
    """Every matching that the memories hold."""
    able = blocks.able(scenario)
    for matching in permutations(range(scenario.n_devices), scenario.n_blocks):
        if all(able[block, device] for block, device in enumerate(matching)):
            yield np.array(matching)


def slow_delay_s(problem, matching):
    """When a matching is done at its best, by a root of the band that it needs."""
    pairs = np.arange(problem.n_blocks), matching
    compute_s = problem.compute_s[pairs]

    def spare(log_left):
        """How much of the band is needed, the slowest device having so much left to send."""
        need = problem.least_share(compute_s.max() + np.exp(log_left))[pairs].sum()
        return min(need, 1e12) - 1

    return compute_s.max() + np.exp(brentq(spare, -30, 20, xtol=1e-13, rtol=1e-13))
