"""Static power: plans that end when a second is no longer worth what it draws."""

import re

import numpy as np
import pytest

from baselines import plan
from baselines.two_stage.fading import plan_known_gains
from baselines.two_stage.receding import receding_horizon
from baselines.two_stage.schemes import find_scheme
from baselines.two_stage.static import best_delay_s, ending_within
from edgegym import InputError, evaluate, load_scenario
from edgegym.runs.play import decide_policy, follow_plan, make_env, play
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost

DIGITS, MNIST = load_scenario("digits"), load_scenario("mnist")


def powered(scenario, share):
    """Static power that would take so large a share of the energy budget over all the delay."""
    return scenario.replace(
        static_power_w=share * scenario.energy_budget_j / scenario.delay_budget_s
    )


def test_static_power_is_drawn_while_a_round_lasts():
    scenario = DIGITS.replace(static_power_w=2.0)
    asked = {"batch_size": 8, "clock_hz": 1e9}
    costs = [pretrain_round_cost(s, **asked) for s in (DIGITS, scenario)]
    per_device = {key: np.full(3, value) for key, value in asked.items()}
    asked = per_device | {"clock_hz": np.full(3, 1e8), "tx_power_w": np.full(3, 0.1)}
    costs += [finetune_round_cost(s, **asked) for s in (DIGITS, scenario)]
    for without, with_power in zip(costs[::2], costs[1::2], strict=True):
        assert with_power.delay_s == without.delay_s
        drawn = with_power.energy_j - without.energy_j
        assert drawn == pytest.approx(2.0 * without.delay_s, rel=1e-9)


@pytest.mark.parametrize("share", [0.1, 0.7, 3.0])
@pytest.mark.parametrize("scheme", ["joint", "pretrain-only", "finetune-only", "fixed-power"])
@pytest.mark.parametrize("scenario", [DIGITS, MNIST], ids=["digits", "mnist"])
def test_plans_keep_the_budgets_and_are_certified(scenario, scheme, share):
    scenario = powered(scenario, share)
    result = plan(scenario, scheme)
    outcome = evaluate(result.plan, scenario)
    assert result.scenario == scenario and outcome.violations == {}
    assert outcome.gradient_norm_bound == pytest.approx(result.gradient_norm_bound)
    assert 0 <= result.gap < 0.02
    env = make_env(scenario, fidelity="bound")
    assert play(env, follow_plan(result.plan, env), seed=0).final["is_success"]


@pytest.mark.parametrize("share", [0.3, 2.0])
def test_no_plan_for_another_delay_is_better_than_the_lower_bound_allows(share):
    scenario = powered(DIGITS, share)
    result = plan(scenario)
    others = [
        plan(ending_within(scenario, delay_s))
        for delay_s in np.linspace(0.1, min(1, 0.99 / share), 12) * scenario.delay_budget_s
    ]
    bounds = [other.gradient_norm_bound for other in others]
    assert min(bounds) >= result.relaxed_bound
    assert min(bounds) >= result.gradient_norm_bound * (1 - 2e-3)
    assert all(evaluate(o.plan, scenario).violations == {} for o in others)


def test_the_more_is_drawn_the_sooner_the_best_plan_ends():
    delays = [best_delay_s(powered(MNIST, share), find_scheme("joint")) for share in (0.1, 1, 3)]
    assert delays[0] == MNIST.delay_budget_s
    assert delays == sorted(delays, reverse=True)
    assert delays[2] < MNIST.delay_budget_s / 3


def test_algorithm_1_ends_within_the_same_delay():
    scenario = powered(DIGITS, 2.0)
    sca, exact = (plan(scenario, method=method) for method in ("sca", "exact"))
    assert evaluate(sca.plan, scenario).violations == {}
    assert sca.relaxed_bound <= exact.gradient_norm_bound <= sca.gradient_norm_bound * (1 + 1e-3)


def test_the_limit_that_binds_is_no_delay_that_is_not_used_up():
    assert "delay_budget_s" in plan(powered(MNIST, 0.1)).sensitivity.binding
    found = plan(powered(MNIST, 2.0)).sensitivity
    assert found.bound_per_s == 0
    assert "delay_budget_s" not in found.binding


def test_power_that_leaves_no_round_is_told_with_the_energy_that_would():
    scenario = DIGITS.replace(static_power_w=1e5)
    result = plan(scenario, "finetune-only")
    assert (result.status, result.plan) == ("infeasible", None)
    least_j = float(re.search(r"Set energy_budget_j = (\S+) at least", result.message)[1])
    enough = scenario.replace(energy_budget_j=least_j)
    assert evaluate(plan(enough, "finetune-only").plan, enough).violations == {}


@pytest.mark.parametrize("share", [0.2, 2.0])
def test_the_receding_horizon_counts_on_it(share):
    scenario = powered(DIGITS, share).replace(channel_mode="per-round")
    env = make_env(scenario, fidelity="bound")
    decide = receding_horizon(scenario, replan_every=20)
    final = play(env, decide_policy(decide, env), seed=1).final
    planned = plan(powered(DIGITS, share))
    assert final["is_success"]
    assert final["total_energy_j"] <= scenario.energy_budget_j
    assert final["gradient_norm_bound"] < 1.2 * planned.gradient_norm_bound


def test_where_all_gains_are_known_there_is_none():
    gains = {"uplink_gain": np.full((2, 3), 1e-5), "downlink_gain": np.full((2, 3), 1e-5)}
    with pytest.raises(InputError, match="static_power_w must be 0"):
        plan_known_gains(powered(DIGITS, 0.1), find_scheme("joint"), **gains)


def test_static_power_below_zero_is_refused():
    with pytest.raises(InputError, match="static_power_w must be greater than or equal to 0"):
        DIGITS.replace(static_power_w=-1.0)
