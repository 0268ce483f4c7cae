import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partitioned_problems import random_scenario

from baselines.partitioned import METHODS, SCHEMES, plan
from edgegym import InputError, load_scenario
from edgegym.lifecycle.parts import largest_remainder
from edgegym.systems.partitioned.plan import PartitionedPlan
from edgegym.systems.partitioned.referee import evaluate

DEFAULT = load_scenario("partitioned-digits")


def single(**changes):
    """One worker a group, no overhead, a fixed efficiency: where the closed form holds."""
    return DEFAULT.replace(
        workers_per_group=[1] * 10,
        worker_overhead_s=0.0,
        uplink_efficiency_bps_per_hz=np.linspace(1, 4, 10).tolist(),
        downlink_efficiency_bps_per_hz=np.linspace(5, 2, 10).tolist(),
        **changes,
    )


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SCHEMES)))
def test_a_plan_is_whole_feasible_and_never_below_its_lower_bound(seed, scheme):
    scenario = random_scenario(np.random.default_rng(seed))
    result = plan(scenario, scheme)
    outcome = evaluate(result.plan, scenario)
    assert result.status == "optimal" and not outcome.violations
    assert float(outcome.round.delay_s) == result.value
    assert result.lower_bound <= result.value and result.gap >= 0
    assert PartitionedPlan.from_json(result.plan.to_json()) == result.plan


@pytest.mark.parametrize("sharing", ["common", "separate"])
@pytest.mark.parametrize("efficiency", [None, 4.0])
def test_no_scheme_is_below_what_the_joint_one_proves(sharing, efficiency):
    given = {"uplink_efficiency_bps_per_hz": efficiency}
    scenario = DEFAULT.replace(bandwidth_sharing=sharing, **given)
    joint = plan(scenario)
    values = {scheme: plan(scenario, scheme).value for scheme in SCHEMES}
    assert min(values.values()) >= joint.lower_bound
    assert joint.value <= min(values.values()) * (1 + 1e-4)  # but for the rounding
    assert values["bapa"] <= values["equal"] and values["paba"] <= values["equal"]
    assert values["paba-proportional"] <= values["proportional"]
    turns = plan(scenario, method="in-turn")
    assert joint.lower_bound <= turns.value <= min(values["bapa"], values["paba"]) * (1 + 1e-4)


@pytest.mark.parametrize("sharing", ["common", "separate"])
def test_the_closed_form_is_a_second_opinion(sharing):
    scenario = single(bandwidth_sharing=sharing)
    first, second = plan(scenario), plan(scenario, method="closed-form")
    assert second.status == "optimal"
    assert first.lower_bound == pytest.approx(second.lower_bound, rel=1e-9)


def test_gains_of_the_round_are_planned_for():
    better = DEFAULT.uplink_gain * 10
    result = plan(DEFAULT, uplink_gain=better)
    assert result.value < plan(DEFAULT).value
    assert float(evaluate(result.plan, DEFAULT, uplink_gain=better).round.delay_s) == result.value


def test_gains_of_nearly_nothing_are_planned_for_where_there_is_time():
    faint = DEFAULT.replace(uplink_gain=1e-16, downlink_gain=1e-16, delay_budget_s=1e12)
    result = plan(faint)
    assert result.status == "optimal" and result.gap < 1e-3


def test_a_budget_below_a_round_is_answered_with_the_one_that_would_do():
    poor = DEFAULT.replace(delay_budget_s=0.01, energy_budget_j=1e-3)
    result = plan(poor)
    assert (result.status, result.plan, result.value) == ("infeasible", None, np.inf)
    assert result.message.startswith(
        "delay_budget_s and energy_budget_j must allow one round of scheme joint; got 0.01 s and "
        "0.001 J. Set delay_budget_s = "
    )
    budgets = result.message.split("Set ")[1].removesuffix(" at least.").split(" and ")
    raised = {key: float(value) for key, value in (budget.split(" = ") for budget in budgets)}
    assert plan(poor.replace(**raised)).status == "optimal"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "papa"}, "scheme must be one of .* Did you mean 'paba'"),
        ({"method": "exakt"}, "method must be one of .* Did you mean 'exact'"),
        ({"scheme": "bapa", "method": "in-turn"}, "method 'in-turn' must go with scheme 'joint'"),
        ({"method": "closed-form"}, "method 'closed-form' must have one worker in each group"),
    ],
)
def test_what_does_not_exist_or_go_together_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        plan(DEFAULT, **arguments)


def test_methods_are_listed():
    assert set(METHODS) == {"exact", "in-turn", "closed-form"}


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=50), st.integers(1, 10**6))
def test_rounding_keeps_the_sum_and_goes_to_a_neighbour(sizes, n_parameters):
    blocks = np.array(sizes) + 1e-3
    blocks *= n_parameters / blocks.sum()
    whole = largest_remainder(blocks, n_parameters)
    assert whole.sum() == n_parameters
    assert (np.abs(whole - blocks) < 1 + 1e-6).all()


def test_a_model_smaller_than_its_groups_leaves_some_out():
    tiny = DEFAULT.replace(learning=None, n_parameters=3)
    result = plan(tiny)
    assert result.plan.block_size.sum() == 3 and result.lower_bound <= result.value
