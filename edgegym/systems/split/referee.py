"""The referee of split fine-tuning: what a plan costs over its rounds, and what it breaks."""

from dataclasses import dataclass

import numpy as np

from edgegym.errors import InputError
from edgegym.lifecycle.state import TOLERANCE
from edgegym.physics import Array, Numbers
from edgegym.systems.split.costs import Cost, averaging_cost, round_cost, start_cost
from edgegym.systems.split.halves import front_memory_bytes
from edgegym.systems.split.plan import SplitPlan
from edgegym.systems.split.scenario import SplitScenario


@dataclass(frozen=True)
class SplitOutcome:
    """What a plan costs and breaks, as `evaluate` found it."""

    round: Cost  # an ordinary one
    n_rounds: int  # that fit the budgets and the round limit
    total_delay_s: float
    total_energy_j: float
    traffic_bits: float
    violations: dict[str, float]


def round_costs(
    plan: SplitPlan, scenario: SplitScenario, n_rounds: int, **gains: Numbers
) -> tuple[Cost, Array]:
    """Cost an ordinary round, and sum up the first n: (3, n) of delay, energy and traffic."""
    s = scenario
    up, down = (gains.get(key, getattr(s, key)) for key in ("uplink_gain", "downlink_gain"))
    ordinary = round_cost(
        s, plan.layer, plan.rank, plan.batch_size, plan.uplink_share, plan.downlink_share, up, down
    )
    extra = np.zeros((3, n_rounds))
    extra[:, 0] = start_cost(s, plan.layer, plan.rank, up, down)
    averaging = averaging_cost(s, plan.layer, plan.rank, up, down)
    extra[:, s.averaging_interval - 1 :: s.averaging_interval] += np.reshape(averaging, (3, 1))
    return ordinary, np.cumsum(extra + np.reshape(ordinary, (3, 1)), axis=1)


def evaluate(
    plan: SplitPlan,
    scenario: SplitScenario,
    *,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> SplitOutcome:
    """Grade a plan: the cost of a round, the rounds that fit the budgets, the broken limits.

    Without given gains the channel is the scenario's fixed one, whatever its mode.

    Parameters
    ----------
    plan : what every round does
    scenario : the constants and limits
    uplink_gain, downlink_gain : (K,) power ratios; the scenario's where none is given

    Returns
    -------
    SplitOutcome, whose `violations` maps a budget to the relative excess of the first round over
    it, and `device_memory_bytes` to that of the device that lacks most

    Raises
    ------
    InputError
        If the plan is made for another number of devices, or a split that may not be chosen.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> plan = SplitPlan(layer=2, rank=4, batch_size=8, uplink_share=[0.25] * 4,
    ...                  downlink_share=[0.25] * 4)
    >>> outcome = evaluate(plan, load_scenario("split-digits"))
    >>> outcome.n_rounds, outcome.violations
    (95, {})
    """
    s = scenario
    require_same_system(plan, s)
    known = {"uplink_gain": uplink_gain, "downlink_gain": downlink_gain}
    gains = {key: gain for key, gain in known.items() if gain is not None}
    ordinary, totals = round_costs(plan, s, s.max_rounds, **gains)
    budgets = {"delay_budget_s": s.delay_budget_s, "energy_budget_j": s.energy_budget_j}
    limits = [(key, budget) for key, budget in budgets.items() if budget is not None]
    fits = np.ones(s.max_rounds, dtype=bool)
    excess = {}
    for row, (key, budget) in enumerate(limits):
        fits &= totals[row] <= budget * (1 + TOLERANCE)
        excess[key] = float(totals[row, 0] / budget - 1)
    needed = memory_share(s, plan.layer, plan.rank, plan.batch_size)
    excess["device_memory_bytes"] = float(needed - 1)
    n_rounds = int(fits.sum())
    sums = totals[:, n_rounds - 1].tolist() if n_rounds else [0.0, 0.0, 0.0]
    violations = {key: value for key, value in excess.items() if value > TOLERANCE}
    return SplitOutcome(ordinary, n_rounds, sums[0], sums[1], sums[2], violations)


def memory_share(s: SplitScenario, layer: Numbers, rank: Numbers, batch_size: Numbers) -> Array:
    """Say what share of its memory the device needs that has least."""
    needed = front_memory_bytes(s, layer, rank, batch_size)
    return np.asarray(needed / s.device_memory_bytes.min())


def require_same_system(plan: SplitPlan, scenario: SplitScenario) -> None:
    """Refuse a plan that is made for another system.

    Raises
    ------
    InputError
        Naming what differs.
    """
    s = scenario
    if (got := plan.uplink_share.size) != s.n_devices:
        raise InputError(
            f"plan must be made for the {s.n_devices} devices of scenario {s.name!r}; got a plan "
            f"for {got}. Plan again for this scenario."
        )
    for key, options in (("layer", s.layer_options), ("rank", s.rank_options)):
        if (value := getattr(plan, key)) not in options:
            raise InputError(
                f"{key} must be one of {', '.join(map(str, options))} in scenario {s.name!r}; got "
                f"a plan with {value}. Plan again for this scenario."
            )
    if not s.least_batch_size <= plan.batch_size <= s.batch_size_limit:
        raise InputError(
            f"batch_size must be at least {s.least_batch_size} and at most {s.batch_size_limit} in "
            f"scenario {s.name!r}; got a plan with {plan.batch_size}. Plan again for this scenario."
        )
