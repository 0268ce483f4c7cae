"""The values that the paper leaves open, and how far each of them may lie from ours."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edgegym.errors import InputError, unknown_name
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import Scenario

#: What the paper says that its networks take, which is not its β: 244.32 KB and 24.29 MB, bit.
OWN_SIZES_BITS = {"lenet": 244.32e3 * 8, "googlenet": 24.29e6 * 8}
#: So many rounds limit no stage: the budgets do so before.
NO_LIMIT = 1_000_000
ROUND_LIMITS = ("max_pretrain_rounds", "max_finetune_rounds")


class Range(NamedTuple):
    """Where a value of a scenario may lie.

    Parameters
    ----------
    letter : of the paper
    low, high : of the value, or of the factor by which all its entries are multiplied
    is_factor : which of the two
    spread : "logarithm", "even", or "either", one end or the other and nothing between
    """

    letter: str
    low: float
    high: float
    is_factor: bool = True
    spread: str = "logarithm"

    def at(self, share: Any) -> Array:
        """Give what lies so far on the way from the lower end to the upper.

        Examples
        --------
        >>> Range("c", 0.1, 10.0).at([0.0, 0.5, 1.0]).tolist()
        [0.1, 1.0, 10.0]
        """
        share = np.asarray(share, dtype=float)
        if self.spread == "either":
            return np.where(share < 0.5, self.low, self.high)
        if self.spread == "logarithm":
            return np.asarray(self.low * (self.high / self.low) ** share)
        return np.asarray(self.low + (self.high - self.low) * share)

    def share(self, value: float) -> float:
        """Find how far on the way a value lies, the nearest end if it lies outside.

        Examples
        --------
        >>> round(Range("c", 0.1, 10.0).share(1.0), 9)
        0.5
        >>> Range("W", 0.0, 20.0, spread="even").share(25.0)
        1.0
        """
        low, high, value = self.low, self.high, float(np.clip(value, self.low, self.high))
        if self.spread == "logarithm":
            low, high, value = np.log(low), np.log(high), np.log(value)
        return float((value - low) / (high - low)) if high > low else 0.0


def open_values(scenario: Scenario) -> dict[str, Range]:
    """List what Section V does not give, by scenario key, with the range that is looked at.

    A decade to either side of our own value, for c and ĉ too, whose link to N_FLOP is open; both α²
    as far as calibrations have seen them; both ρ up to the 1/γ̄ that Theorem 3.1 asks for; the
    initial gap within a factor of two; W(P̂,P) up to what was measured of digits turned by 45°; β as
    Section V has it, or as much as it says that the network takes.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> ranges = open_values(load_scenario("mnist"))
    >>> len(ranges), ranges["update_size_bits"].at([0, 1]).tolist()
    (13, [1.0, 9.7728])
    """
    own_bits = OWN_SIZES_BITS.get(scenario.learning.network, scenario.update_bits)
    steepest = 1 / scenario.learning_rate
    return {
        "server_flop_per_cycle": Range("c", 0.1, 10.0),
        "device_flop_per_cycle": Range("ĉ", 0.1, 10.0),
        "pretrain_gradient_variance": Range("α²", 1.0, 1000.0, is_factor=False),
        "finetune_gradient_variance": Range("α̂²", 1.0, 1000.0, is_factor=False),
        "pretrain_smoothness": Range("ρ", steepest / 100, steepest, is_factor=False),
        "finetune_smoothness": Range("ρ̂", steepest / 100, steepest, is_factor=False),
        "initial_loss_gap": Range("initial gap", 0.5, 2.0),
        "distribution_distance": Range("W(P̂,P)", 0.0, 20.0, is_factor=False, spread="even"),
        "max_pretrain_rounds": Range("M^max", 0.1, 10.0),
        "max_finetune_rounds": Range("N^max", 0.1, 10.0),
        "uplink_gain": Range("uplink gains", 0.1, 10.0),
        "downlink_gain": Range("downlink gains", 0.1, 10.0),
        "update_size_bits": Range("β", 1.0, own_bits / scenario.update_bits, spread="either"),
    }


def require_axes(scenario: Scenario, x: str | None, y: str | None) -> None:
    """Refuse a map over what is not left open, or over one value twice.

    Raises
    ------
    InputError
        Naming what is wrong; None is open to be chosen.
    """
    ranges = open_values(scenario)
    for key in (x, y):
        if key is not None and key not in ranges:
            raise unknown_name("value that the paper leaves open", key, ranges)
    if x is not None and x == y:
        raise InputError(f"--x and --y must be two values; got {x!r} twice. Name another.")


def place(scenario: Scenario, shares: Mapping[str, float], *, limited: bool = True) -> Scenario:
    """Make the scenario whose open values lie so far in their ranges; the others stay ours.

    Parameters
    ----------
    scenario : ours
    shares : by key, from 0 at the lower end of a range to 1 at the upper
    limited : else no stage is limited in its rounds

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> there = place(load_scenario("mnist"), {"max_pretrain_rounds": 1.0, "uplink_gain": 0.0})
    >>> there.max_pretrain_rounds, float(there.uplink_gain[0].round(9))
    (10000, 6.8e-07)
    """
    ranges, changes = open_values(scenario), dict[str, Any]()
    for key, share in shares.items():
        value: Any = float(ranges[key].at(share))
        if ranges[key].is_factor:
            own = scenario.update_bits if key == "update_size_bits" else getattr(scenario, key)
            value = (value * np.asarray(own)).tolist()
        changes[key] = max(round(value), 1) if key in ROUND_LIMITS else value
    if not limited:
        changes |= dict.fromkeys(ROUND_LIMITS, NO_LIMIT)
    return scenario.replace(**changes)


def own_share(scenario: Scenario, key: str) -> float:
    """Find where in its range a scenario's own value lies."""
    its = open_values(scenario)[key]
    return its.share(1.0 if its.is_factor else getattr(scenario, key))
