"""Scenarios and plans for the tests: random ones for hypothesis, and a tiny one."""

import numpy as np
from hypothesis import strategies as st

from edgegym import Plan, Scenario, load_scenario

#: Few rounds on few samples, with budgets that still bind.
TINY_SCENARIO = {
    "max_pretrain_rounds": 4,
    "max_finetune_rounds": 4,
    "delay_budget_s": 1.5,
    "energy_budget_j": 0.5,
    "learning.n_server_samples": 60,
    "learning.n_device_samples": 60,
    "learning.n_validation_samples": 20,
    "learning.n_test_samples": 20,
    "learning.validation_interval": 2,
}


def scaled(scenario: Scenario, rng: np.random.Generator, decades: float) -> dict:
    """Multiply every physical value by a random factor within so many decades around one."""
    data = scenario.model_dump()
    fixed = {"max_pretrain_rounds", "max_finetune_rounds", "pretrain_batch_size_limit"}
    fixed |= {"straggler_clock_share"}
    for key, value in data.items():
        if isinstance(value, float) and value > 0 and key not in fixed:
            data[key] = value * 10 ** rng.uniform(-decades / 2, decades / 2)
        if isinstance(value, list) and key != "finetune_batch_size_limit":
            data[key] = [v * 10 ** rng.uniform(-decades / 2, decades / 2) for v in value]
    return data


@st.composite
def scenarios(draw, decades=1.0, n_devices=None):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    base = load_scenario(draw(st.sampled_from(["digits", "mnist", "cinic10-cifar10"])))
    k = n_devices or draw(st.integers(1, 5))
    data = base.model_dump()
    repeated = {
        key: [value[i % len(value)] for i in range(k)]
        for key, value in data.items()
        if isinstance(value, list)
    }
    return Scenario.model_validate(scaled(Scenario.model_validate(data | repeated), rng, decades))


@st.composite
def plans(draw, scenario, max_rounds=6):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, n = draw(st.integers(0, max_rounds)), draw(st.integers(0, max_rounds))
    k = scenario.n_devices
    return Plan(
        pretrain_batch_size=rng.integers(1, scenario.pretrain_batch_size_limit + 1, m),
        server_clock_hz=rng.uniform(0.1, 1, m) * scenario.server_clock_limit_hz,
        finetune_batch_size=rng.integers(1, scenario.finetune_batch_size_limit + 1, (n, k)),
        device_clock_hz=rng.uniform(0.1, 1, (n, k)) * scenario.device_clock_limit_hz,
        device_tx_power_w=rng.uniform(0.1, 1, (n, k)) * scenario.device_tx_power_peak_limit_w,
    )


def random_scenario(seed, decades=4.0, n_devices=None):
    """One to a hundred devices, every physical value over so many orders of magnitude."""
    rng = np.random.default_rng(seed)
    base = load_scenario(["digits", "mnist", "cinic10-cifar10"][rng.integers(3)])
    k = n_devices or round(10 ** rng.uniform(0, 2))
    data = base.model_dump()
    data |= {key: np.resize(value, k) for key, value in data.items() if isinstance(value, list)}
    return Scenario.model_validate(scaled(Scenario.model_validate(data), rng, decades))
