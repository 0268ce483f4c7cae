"""The planner: equal readings, or as many as each sensor manages in the same time."""

import numpy as np

from baselines.result import Result
from edgegym.errors import unknown_name
from edgegym.lifecycle.parts import largest_remainder
from toy.costs import evaluate
from toy.plan import SensorPlan

SCHEMES, METHODS = ("fastest", "equal"), ("exact",)


def plan(scenario, scheme="fastest", method="exact"):
    for name, value, valid in (("scheme", scheme, SCHEMES), ("method", method, METHODS)):
        if value not in valid:
            raise unknown_name(name, value, valid)
    speed = 1 / scenario.reading_s if scheme == "fastest" else np.ones(scenario.n_devices)
    shares = scenario.n_readings * speed / speed.sum()
    readings = np.maximum(largest_remainder(shares, scenario.n_readings), 1).astype(int)
    made = SensorPlan(n_readings=readings)
    outcome = evaluate(made, scenario)
    head = {"scenario": scenario, "scheme": scheme, "method": method}
    if outcome.violations:
        keys = " and ".join(outcome.violations)
        return Result(**head, status="infeasible", message=f"{keys} must allow one round.")
    bound_s = float((shares * scenario.reading_s).max()) if scheme == "fastest" else outcome.delay_s
    return Result(
        **head,
        status="optimal",
        message="Rounded to whole readings.",
        plan=made,
        value=outcome.delay_s,
        lower_bound=bound_s,
    )
