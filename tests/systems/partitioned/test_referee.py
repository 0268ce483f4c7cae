import math

import numpy as np
import pytest

from edgegym import InputError, load_scenario
from edgegym.systems.partitioned.plan import PartitionedPlan
from edgegym.systems.partitioned.referee import evaluate

DEFAULT = load_scenario("partitioned-digits")
EQUAL = {"downlink_share": np.full(10, 0.1), "uplink_share": np.full(10, 0.1)}


def plan_of(blocks=(1570,) * 5, **changes):
    return PartitionedPlan(**{"block_size": blocks, **EQUAL, **changes})


def test_a_block_without_a_share_takes_forever():
    outcome = evaluate(plan_of(downlink_share=[0.0] * 10, uplink_share=[0.0] * 10), DEFAULT)
    assert outcome.n_rounds == 0 and outcome.violations["delay_budget_s"] == math.inf
    assert (outcome.total_delay_s, outcome.total_energy_j) == (0.0, 0.0)


def test_as_many_rounds_are_counted_as_fit_every_budget_and_limit():
    outcome = evaluate(plan_of(), DEFAULT)
    delay_s, energy_j = float(outcome.round.delay_s), float(outcome.round.energy_j)
    assert outcome.n_rounds == math.floor(20.0 / delay_s)
    exact = DEFAULT.replace(delay_budget_s=7 * delay_s, energy_budget_j=6 * energy_j)
    assert evaluate(plan_of(), exact).n_rounds == 6
    assert evaluate(plan_of(), exact.replace(energy_budget_j=None)).n_rounds == 7
    assert evaluate(plan_of(), DEFAULT.replace(max_rounds=5)).n_rounds == 5


def test_a_budget_below_one_round_is_a_violation_by_its_excess():
    delay_s = float(evaluate(plan_of(), DEFAULT).round.delay_s)
    outcome = evaluate(plan_of(), DEFAULT.replace(delay_budget_s=delay_s / 3))
    assert outcome.violations == {"delay_budget_s": pytest.approx(2.0)}
    assert outcome.n_rounds == 0


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (plan_of((7850,)), "made for the 5 groups .* got a plan for 1"),
        (plan_of((1, 2, 3, 4, 5)), "made for the 7850 parameters .* got a plan for 15"),
        (
            plan_of(downlink_share=[0.5], uplink_share=[0.5]),
            "made for the 10 workers of scenario 'partitioned-digits'; got a plan for 1",
        ),
        (plan_of(uplink_share=[0.05] * 10), "downlink_share and uplink_share must be equal"),
    ],
)
def test_a_plan_for_another_system_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        evaluate(plan, DEFAULT)


def test_separate_shares_may_differ():
    separate = DEFAULT.replace(bandwidth_sharing="separate")
    assert evaluate(plan_of(uplink_share=[0.05] * 10), separate).n_rounds > 0
