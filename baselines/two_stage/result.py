"""What a planner of the two-stage system hands back: a plan and what is certain of it."""

import math
from dataclasses import dataclass
from typing import Any

from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.schemes import find_scheme
from baselines.two_stage.sensitivity import Sensitivity, sensitivity
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """A plan and its certificate; `plan` is None where no plan fits, and `message` says why."""

    scenario: Scenario
    scheme: str
    method: str
    status: str  # "optimal", "inaccurate", "local" or "infeasible"
    message: str
    plan: Plan | None = None
    gradient_norm_bound: float = math.inf
    relaxed_bound: float = math.inf  # no plan is below, not even with real rounds and batches
    proven_bound: float = math.inf  # no plan of alike whole rounds is below
    relaxed: Relaxation | None = None
    foretold_loss: float | None = None  # nats, where a law was planned on, not a bound
    measured_bound: float | None = None  # with α² and ρ as measured along the training, where asked

    @property
    def gap(self) -> float:
        """How far the plan can be from the best feasible integer plan, relative."""
        return (self.gradient_norm_bound - self.relaxed_bound) / self.relaxed_bound

    @property
    def sensitivity(self) -> Sensitivity | None:
        """What another second or joule would bring, and which limits bind."""
        if self.relaxed is None:
            return None
        return sensitivity(pose(self.scenario, find_scheme(self.scheme)), self.relaxed)

    @property
    def value(self) -> float:
        """What was minimised, as every system's result has it."""
        others = (self.foretold_loss, self.measured_bound)
        return next((v for v in others if v is not None), self.gradient_norm_bound)

    @property
    def lower_bound(self) -> float:
        """What no plan is below, as every system's result has it."""
        return self.relaxed_bound

    @property
    def figures(self) -> dict[str, Any]:
        """The bounds, the certificate and the shadow prices by name; None where there is none."""
        prices = self.sensitivity
        return {
            "bound_per_s": prices.bound_per_s if prices else None,
            "bound_per_j": prices.bound_per_j if prices else None,
            "binding": list(prices.binding) if prices else None,
            "proven_bound": self.proven_bound,
            "gradient_norm_bound": self.gradient_norm_bound,
            "relaxed_bound": self.relaxed_bound,
            "gap": self.gap,
            "foretold_loss": self.foretold_loss,
            "measured_bound": self.measured_bound,
        }

    @property
    def sentences(self) -> list[str]:
        """What the certificate and the prices mean.

        Examples
        --------
        >>> from edgegym import load_scenario
        >>> from baselines import plan
        >>> plan(load_scenario("mnist")).sentences[1][:58]
        'One more second lowers the bound by 0.000123, one more jou'
        """
        prices = self.sensitivity
        if prices is None or not math.isfinite(prices.bound_per_s):
            return [self.message]
        return [
            self.message,
            f"One more second lowers the bound by {prices.bound_per_s:.3g}, one more joule by "
            f"{prices.bound_per_j:.3g} (near this optimum).",
            f"These limits bind: {', '.join(prices.binding) or 'none'}.",
        ]
