"""What a planner hands back, whatever the system."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Scenario = TypeVar("Scenario")
Plan = TypeVar("Plan")
#: Of the limits that a round can break.
UNITS = {"delay_budget_s": "s", "energy_budget_j": "J", "device_memory_bytes": "byte"}


@dataclass(frozen=True, kw_only=True)
class Result(Generic[Scenario, Plan]):
    """A plan and its certificate; `plan` is None where no plan fits, and `message` says why."""

    scenario: Scenario
    scheme: str
    method: str
    status: str  # "optimal", "inaccurate" or "infeasible"
    message: str
    plan: Plan | None = None
    value: float = math.inf  # what was minimised, of the plan
    lower_bound: float = math.inf  # no plan of the scheme is below

    @property
    def gap(self) -> float:
        """How far the plan can be from the best one of its scheme, relative."""
        return (self.value - self.lower_bound) / self.lower_bound

    @property
    def figures(self) -> dict[str, float]:
        """The plan's value and its certificate by name."""
        return {"value": self.value, "lower_bound": self.lower_bound, "gap": self.gap}

    @property
    def sentences(self) -> list[str]:
        """What the certificate means, in words."""
        return [self.message]


def round_up(value: float) -> float:
    """Round up to four digits, so that the number a user copies is enough.

    Examples
    --------
    >>> round_up(0.0624963)
    0.0625
    """
    digit = 10.0 ** (math.floor(math.log10(value)) - 3)
    return math.ceil(value / digit) * digit


def no_round_fits(scheme: str, limits: Mapping[str, float], violations: Mapping[str, float]) -> str:
    """Say in one sentence which limits allow no round, and the least ones that would.

    Parameters
    ----------
    scheme : whose round
    limits : by their names
    violations : of those that are broken, the relative excess

    Examples
    --------
    >>> print(no_round_fits("joint", {"delay_budget_s": 2.0}, {"delay_budget_s": 0.25}))
    delay_budget_s must allow one round of scheme joint; got 2 s. Set delay_budget_s = 2.5 at least.
    """
    got = " and ".join(f"{limits[key]:g} {UNITS[key]}" for key in violations)
    least = {key: limits[key] * (1 + excess) for key, excess in violations.items()}
    remedy = " and ".join(f"{key} = {round_up(value):.4g}" for key, value in least.items())
    return (
        f"{' and '.join(violations)} must allow one round of scheme {scheme}; got {got}. "
        f"Set {remedy} at least."
    )
