import math

import numpy as np
import pytest

from edgegym import InputError, load_scenario
from edgegym.systems.cooperative.plan import CooperativePlan
from edgegym.systems.cooperative.referee import evaluate

DEFAULT = load_scenario("cooperative-digits")
MATCHING = [8, 6, 7, 1, 5, 2]


def plan_of(rounds=(MATCHING,), share=0.1, batch_size=16):
    return CooperativePlan(
        block_device=rounds,
        bandwidth_share=np.full((len(rounds), 10), share),
        batch_size=batch_size,
    )


def test_a_block_without_a_share_takes_forever_and_too_little_memory_is_a_violation():
    share = np.zeros((1, 10))
    share[0, 0] = 1.0  # who has no block
    share[0, 8] = 1.0
    plan = CooperativePlan(block_device=[MATCHING], bandwidth_share=share, batch_size=16)
    outcome = evaluate(plan, DEFAULT)
    assert outcome.n_rounds == 0 and outcome.violations["delay_budget_s"] == math.inf
    assert (outcome.total_delay_s, outcome.total_energy_j) == (0.0, 0.0)
    deep = evaluate(plan_of([MATCHING[::-1]]), DEFAULT)  # the deepest block on device 8
    need = DEFAULT.model_bytes + 16 * 70512.5 + DEFAULT.block_state_bytes
    assert deep.violations == {"device_memory_bytes": pytest.approx(need / 0.7e6 - 1)}


def test_rounds_are_counted_in_turn_until_a_budget_or_the_limit():
    rounds = [MATCHING, [8, 6, 7, 1, 5, 9], [0, 6, 7, 1, 5, 3]]
    outcome = evaluate(plan_of(rounds), DEFAULT)
    delays = outcome.round.delay_s
    assert np.unique(delays).size == 3
    spent, n = 0.0, 0
    while spent + delays[n % 3] <= 45.0:
        spent, n = spent + delays[n % 3], n + 1
    assert outcome.n_rounds == n and outcome.total_delay_s == pytest.approx(spent)
    exact = DEFAULT.replace(delay_budget_s=delays.sum() + delays[0])
    assert evaluate(plan_of(rounds), exact).n_rounds == 4
    energy_j = float(outcome.round.energy_j[:2].sum())
    assert evaluate(plan_of(rounds), exact.replace(energy_budget_j=energy_j)).n_rounds == 2
    assert evaluate(plan_of(rounds), DEFAULT.replace(max_rounds=5)).n_rounds == 5


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            plan_of([[0, 1, 2]]),
            "made for the 6 blocks of scenario 'cooperative-digits'; got a plan",
        ),
        (
            CooperativePlan(block_device=[MATCHING], bandwidth_share=[[0.1] * 9], batch_size=1),
            "made for the 10 devices .* got a plan for 9",
        ),
    ],
)
def test_a_plan_for_another_system_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        evaluate(plan, DEFAULT)
