import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scenarios

from baselines import SCHEMES, plan, plan_many
from edgegym import InputError, evaluate, load_scenario
from edgegym.runs.play import play_plan

NAMES = "digits", "mnist", "cinic10-cifar10"


@pytest.mark.parametrize(
    ("name", "scheme", "method"),
    [
        *((name, scheme, "exact") for name in NAMES for scheme in SCHEMES),
        *(("digits", scheme, "sca") for scheme in SCHEMES),
        *((name, "joint", "sca") for name in NAMES[1:]),
    ],
)
def test_every_plan_keeps_every_limit_and_its_certificate(name, scheme, method):
    scenario = load_scenario(name)
    result = plan(scenario, scheme=scheme, method=method, grid=4)
    outcome = evaluate(result.plan, scenario)
    assert result.status == "optimal"
    assert outcome.violations == {}
    assert result.gradient_norm_bound == pytest.approx(outcome.gradient_norm_bound, rel=1e-12)
    assert -1e-6 <= result.gap <= (0.005 if method == "exact" else 0.02)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_holds_what_it_freezes(scheme):
    scenario, design = load_scenario("mnist"), SCHEMES[scheme]
    found = plan(scenario, scheme=scheme).plan
    assert (found.n_pretrain_rounds == 0) >= (not design.pretrains)
    assert (found.n_finetune_rounds == 0) >= (not design.finetunes)
    if design.fixed_power:
        assert found.device_tx_power_w == pytest.approx(0.5)
    if design.fixed_clock:
        assert found.device_clock_hz == pytest.approx(360e6)
    if design.fixed_batch:
        assert np.all(found.finetune_batch_size == 700)


def test_joint_beats_every_benchmark_on_mnist():
    bounds = {s: plan(load_scenario("mnist"), scheme=s).gradient_norm_bound for s in SCHEMES}
    joint = bounds.pop("joint")
    assert joint < min(bounds.values())


@given(scenarios(decades=1))
@settings(max_examples=15)
def test_random_scenarios_end_feasible_or_with_a_reason(scenario):
    result = plan(scenario)
    if result.plan is None:
        assert result.status == "infeasible" and "at least" in result.message
    else:
        assert evaluate(result.plan, scenario).violations == {}
        assert result.gap >= -1e-6


@pytest.mark.parametrize("method", ["exact", "sca"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("key", "value"), [("delay_budget_s", 1e-6), ("energy_budget_j", 1e-15)])
def test_too_small_a_budget_is_named_with_the_least_that_would_do(scheme, method, key, value):
    poor = load_scenario("mnist").replace(**{key: value})
    result = plan(poor, scheme=scheme, method=method, grid=4)
    assert (result.status, result.plan) == ("infeasible", None)
    least = float(re.search(rf"Set .*{key} = (\S+) ", result.message).group(1))
    assert f"one round of scheme {scheme}" in result.message
    assert plan(poor.replace(**{key: least}), scheme=scheme).plan is not None
    assert plan(poor.replace(**{key: 0.99 * least}), scheme=scheme).plan is None


def test_where_neither_budget_makes_up_for_the_other_both_are_to_be_raised():
    poor = load_scenario("mnist").replace(delay_budget_s=0.1, energy_budget_j=0.01)
    assert plan(poor, scheme="finetune-only").message.endswith("Raise both.")


@given(st.sampled_from(["jiont", "fixed_power", ""]))
def test_an_unknown_scheme_is_answered_with_the_names(name):
    with pytest.raises(InputError, match=r"scheme must be one of joint, fixed-power, .*; got"):
        plan(load_scenario("mnist"), scheme=name)


def test_an_unknown_method_is_answered_with_the_names():
    with pytest.raises(
        InputError, match=r"method must be one of exact, sca, .*; got 'exakt'. Did you"
    ):
        plan(load_scenario("mnist"), method="exakt")


def test_a_larger_distance_moves_delay_and_energy_to_fine_tuning():
    spent = []
    for distance in (0.0, 2.0, 8.0):
        scenario = load_scenario("cinic10-cifar10").replace(distribution_distance=distance)
        outcome = evaluate(plan(scenario).plan, scenario)
        spent.append(
            (outcome.pretrain_rounds.delay_s.sum(), outcome.pretrain_rounds.energy_j.sum())
        )
    assert spent[0][0] > spent[1][0] > spent[2][0]
    assert spent[0][1] > spent[1][1] > spent[2][1]


def test_a_sweep_plans_every_combination_in_order():
    scenario = load_scenario("digits")
    swept = list(
        plan_many(
            scenario, ["joint", "fixed-power"], delay_budget_s=[80.0, 100.0], n_devices=[1, 4]
        )
    )
    assert [(c["delay_budget_s"], c["n_devices"], r.scheme) for c, r in swept] == [
        (delay, k, scheme)
        for delay in (80.0, 100.0)
        for k in (1, 4)
        for scheme in ("joint", "fixed-power")
    ]
    for changes, result in swept:
        assert result.scenario == scenario.replace(**changes)
        assert result.plan == plan(result.scenario, scheme=result.scheme).plan


@pytest.fixture(scope="module")
def as_printed():
    """Plans of Algorithm 1 on digits, by scheme: polished, and as the paper prints it."""
    s = load_scenario("digits")
    return {
        scheme: [plan(s, scheme, "sca", grid=3, rounding=r) for r in ("feasible", "paper")]
        for scheme in ("joint", "pretrain-only", "finetune-only")
    }


def test_as_printed_the_message_says_which_limits_the_nearest_integers_exceed(as_printed):
    for _, printed in as_printed.values():
        violations = evaluate(printed.plan, printed.scenario).violations
        assert violations.keys() <= {"delay_budget_s", "energy_budget_j"}
        for key, excess in violations.items():
            assert f"{key} by {excess:.2%}" in printed.message
        if not violations:
            assert "all limits hold" in printed.message
    assert any(evaluate(p.plan, p.scenario).violations for _, p in as_printed.values())


def test_as_printed_every_stage_of_the_scheme_runs(as_printed):
    for scheme, (_, printed) in as_printed.items():
        assert (printed.plan.n_pretrain_rounds > 0) == SCHEMES[scheme].pretrains
        assert (printed.plan.n_finetune_rounds > 0) == SCHEMES[scheme].finetunes


def played_bound(result):
    """Bound (34) of what the budgets let a plan play."""
    return play_plan(result.scenario, result.plan, seed=0, fidelity="bound").final[
        "gradient_norm_bound"
    ]


def test_the_polish_is_worth_the_rounds_that_no_longer_fit_as_printed(as_printed):
    for polished, printed in as_printed.values():
        assert played_bound(polished) == pytest.approx(polished.gradient_norm_bound)
        assert played_bound(printed) >= polished.gradient_norm_bound * (1 - 1e-6)
    polished, printed = as_printed["joint"]
    assert played_bound(printed) > polished.gradient_norm_bound * (1 + 1e-6)
    assert printed.gradient_norm_bound < polished.gradient_norm_bound  # more than the budgets allow


def test_as_printed_fixed_clock_is_no_fine_tuning_alone():
    mnist = load_scenario("mnist").replace(max_pretrain_rounds=8)
    assert plan(mnist, "fixed-clock", "sca", grid=3, rounding="paper").plan.n_pretrain_rounds >= 1


def test_as_printed_a_stage_that_cannot_run_leaves_no_plan():
    poor = load_scenario("digits").replace(energy_budget_j=1e-3)
    assert plan(poor, "joint", "sca", grid=4).plan.n_finetune_rounds == 0
    result = plan(poor, "joint", "sca", grid=4, rounding="paper")
    assert (result.status, result.plan) == ("infeasible", None)
    assert "must allow a round of each stage" in result.message


def test_the_papers_rounding_belongs_to_algorithm_1():
    with pytest.raises(InputError, match=r"rounding 'paper' must go with method 'sca'.*; got"):
        plan(load_scenario("mnist"), rounding="paper")


def test_a_sweep_takes_numpys_values():
    scenario = load_scenario("digits")
    swept = list(plan_many(scenario, n_devices=np.arange(1, 4), delay_budget_s=np.array([80.0])))
    assert [result.scenario.n_devices for _, result in swept] == [1, 2, 3]
    assert all(result.status == "optimal" for _, result in swept)


def test_an_unknown_rounding_is_answered_with_the_names():
    with pytest.raises(InputError, match=r"rounding must be one of feasible, paper; got 'up'"):
        plan(load_scenario("mnist"), rounding="up")


def test_a_proof_of_alike_rounds_is_told_apart_from_one_of_any():
    # Whole batches that alternate are on average what no whole batch is.
    held = plan(load_scenario("digits"), "fixed-batch")
    assert held.relaxed_bound < held.proven_bound
    alike, other = (
        f"{1 - lowest / held.gradient_norm_bound:.2%}"
        for lowest in (held.proven_bound, held.relaxed_bound)
    )
    assert held.message == (
        f"No plan of alike rounds can be better by more than {alike}, none at all by more than "
        f"{other}."
    )
