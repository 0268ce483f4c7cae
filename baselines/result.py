"""What a planner hands back, whatever the system."""

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

Scenario = TypeVar("Scenario")
Plan = TypeVar("Plan")


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
