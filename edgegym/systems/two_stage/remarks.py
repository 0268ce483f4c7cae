"""Remarks: what a scenario may say and hardly means, such as decibels for a power ratio."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.scenario import Scenario


class Usual(NamedTuple):
    """What is usual for some keys, and in what units people write it elsewhere."""

    keys: tuple[str, ...]
    low: float
    high: float
    elsewhere: Mapping[str, Callable[[float], float]]  # a unit, and what a number of it is here


def _scaled_by(factor: float) -> Callable[[float], float]:
    return lambda value: value * factor


def _watts_of_dbm(value: float) -> float:
    return 10 ** min(value / 10 - 3, 300)  # beyond which floats end


_DBM = {"{:g} dBm": _watts_of_dbm}
USUAL = (
    Usual(
        ("mean_path_gain", "uplink_gain", "downlink_gain"),
        low=0,
        high=1,
        elsewhere={"A loss of {:g} dB": lambda value: 10 ** (-value / 10)},
    ),
    Usual(
        ("uplink_bandwidth_hz", "downlink_bandwidth_hz"),
        low=1e3,
        high=1e12,
        elsewhere={"{:g} MHz": _scaled_by(1e6), "{:g} kHz": _scaled_by(1e3)},
    ),
    Usual(
        ("server_clock_limit_hz", "device_clock_limit_hz"),
        low=1e6,
        high=1e11,
        elsewhere={"{:g} GHz": _scaled_by(1e9), "{:g} MHz": _scaled_by(1e6)},
    ),
    Usual(
        ("server_noise_psd_w_per_hz", "device_noise_psd_w_per_hz"),
        low=0,
        high=1e-9,
        elsewhere={"-{:g} dBm/Hz": lambda value: _watts_of_dbm(-value)},
    ),
    Usual(("server_tx_power_w",), low=0, high=100, elsewhere=_DBM),
    Usual(
        ("device_tx_power_peak_limit_w", "device_tx_power_mean_limit_w"),
        low=0,
        high=10,
        elsewhere=_DBM,
    ),
)


def remarks(scenario: Scenario) -> list[str]:
    """Say what a scenario may hold and hardly means, or what voids a promise; a sentence each.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> mnist = load_scenario("mnist")
    >>> remarks(mnist)
    []
    >>> print(*remarks(mnist.replace(uplink_gain=[51.7, 1e-5, 2e-6])))
    uplink_gain is 51.7, and at most 1 is usual. A loss of 51.7 dB would be 6.76e-06.
    """
    voided = [*_no_bound(scenario), *other_rounds(scenario)]
    return [*unusual(scenario), *_long_rounds(scenario), *voided]


def unusual(scenario: Scenario) -> list[str]:
    """Remark on values that look like those of another unit, and convert them where it helps."""
    found = [_odd(scenario, key, usual) for usual in USUAL for key in usual.keys]
    return [remark for remark in found if remark]


def _odd(scenario: Scenario, key: str, usual: Usual) -> str | None:
    values = np.ravel(getattr(scenario, key))
    odd = values[(values < usual.low) | (values > usual.high)]
    if not odd.size:
        return None
    value = float(odd[0])
    rule = f"at most {usual.high:g}" if value > usual.high else f"at least {usual.low:g}"
    remark = f"{key} is {value:g}, and {rule} is usual."
    for unit, convert in usual.elsewhere.items():
        if usual.low < (meant := convert(value)) <= usual.high:
            return f"{remark} {unit.format(value)} would be {meant:.3g}."
    return remark


def _long_rounds(scenario: Scenario) -> list[str]:
    """Remark on stages of which no round fits, not even one of single samples at full speed."""
    s = scenario
    with np.errstate(all="ignore"):  # a link so bad that it takes for ever is told of as well
        rounds = {
            "pre-training": pretrain_round_cost(s, batch_size=1, clock_hz=s.server_clock_limit_hz),
            "fine-tuning": finetune_round_cost(
                s,
                batch_size=np.ones(s.n_devices),
                clock_hz=s.device_clock_limit_hz,
                tx_power_w=s.device_tx_power_peak_limit_w,
            ),
        }
    return [
        f"A {stage} round takes {cost.delay_s:.3g} s at full speed on single samples, longer than "
        f"delay_budget_s, which is {s.delay_budget_s:g}."
        for stage, cost in rounds.items()
        if cost.delay_s > s.delay_budget_s
    ]


def _no_bound(scenario: Scenario) -> list[str]:
    """Remark on a learning rate for which Theorem 3.1 does not hold."""
    smoothness = max(scenario.pretrain_smoothness, scenario.finetune_smoothness)
    if scenario.learning_rate * smoothness <= 1:
        return []
    return [
        f"learning_rate must be at most 1/smoothness = {1 / smoothness:g} for Theorem 3.1 to "
        f"hold; got {scenario.learning_rate:g}. The {bound_name(scenario)} is then no bound."
    ]


def other_rounds(scenario: Scenario) -> list[str]:
    """Remark on rounds that no bound speaks of, and on what is counted on instead.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fedavg = load_scenario("mnist").replace(**{"federation.n_local_steps": 5})
    >>> other_rounds(fedavg)[0][:61]
    'The bound (34) does not hold with 5 local steps a round: plan'
    """
    departures = scenario.federation.departures
    if not departures:
        return []
    share = scenario.mean_participation
    costs = (
        "Their delays, energies and budgets are exact."
        if share is None
        else "They count on the delay of the slowest of all devices, and on the mean energy over "
        "who takes part; what is played costs what those who are there cost."
    )
    return [
        f"The {bound_name(scenario)} does not hold with {_listed(departures)}: planners and "
        "fidelity 'bound' take every fine-tuning round for one step on the gradients of all "
        f"devices. {costs}"
    ]


def _listed(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
