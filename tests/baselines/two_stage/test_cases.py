"""Bounds of several cases: planners against CVXPY, exhaustive search and each other."""

import numpy as np
import pytest
from small_systems import THREE, exhaustive, small_system
from strategies import random_scenario

from baselines import SCHEMES, plan
from baselines.two_stage.exact import solve_relaxation
from baselines.two_stage.fading import plan_known_gains
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from edgegym import load_scenario

BOUNDS = "tight", "target"


def with_bound(scenario, bound, seed):
    """A bound with constants that matter: a hand-over in two of three, any contraction."""
    rng = np.random.default_rng(seed)
    shift = rng.uniform(0, 1) * scenario.initial_loss_gap * (seed % 3 > 0)
    rounds = rng.uniform(0.1, 10) / scenario.max_pretrain_rounds
    return scenario.replace(
        bound=bound,
        distribution_distance=shift / scenario.data_lipschitz,
        pretrain_pl_constant=rounds / scenario.learning_rate,
    )


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_readable_form_has_the_same_optimum(bound):
    n_checked = 0
    for seed in range(36):
        scheme = list(SCHEMES.values())[seed % 6]
        scenario = with_bound(random_scenario(seed, 1.0, 1 + seed % 4), bound, seed)
        with np.errstate(divide="ignore"):  # CVXPY divides by the samples of a stage without rounds
            readable = solve_relaxation(scenario, scheme)
        if readable is None or not np.isfinite(readable.gradient_norm_bound):
            continue
        n_checked += 1
        found = relax(pose(scenario, scheme))
        assert found.gradient_norm_bound == pytest.approx(readable.gradient_norm_bound, rel=1e-6)
        assert found.gap <= 1e-6
    assert n_checked > 25


@pytest.mark.parametrize("bound", BOUNDS)
def test_plans_of_small_systems_equal_exhaustive_search(bound):
    equal = []
    for seed in range(24):
        scheme = THREE[seed % 3]
        system = with_bound(small_system(seed), bound, seed)
        # Some of the few rounds there are have to count as what they are.
        system = system.replace(finetune_smoothness=0.3 / system.learning_rate)
        best, result = exhaustive(system, SCHEMES[scheme]), plan(system, scheme)
        assert (result.plan is None) == np.isinf(best)
        assert result.proven_bound <= best * (1 + 1e-7)
        assert result.gradient_norm_bound >= best * (1 - 1e-9)
        equal.append(result.gradient_norm_bound <= best * (1 + 1e-9))
    assert np.mean(equal) >= 0.9


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("name", ["digits", "cinic10-cifar10"])
def test_the_joint_plan_is_as_good_as_either_stage_alone(name, bound):
    scenario = with_bound(load_scenario(name), bound, seed=1)
    joint, *alone = (plan(scenario, s) for s in ("joint", "pretrain-only", "finetune-only"))
    assert joint.status == "optimal"
    assert joint.relaxed_bound <= min(one.relaxed_bound for one in alone) * (1 + 1e-6)
    assert joint.gradient_norm_bound <= min(one.gradient_norm_bound for one in alone) * 1.001


def test_fine_tuning_only_without_its_hand_over():
    scenario = load_scenario("cinic10-cifar10")
    for changes, bound in (
        ({}, 0.425003),
        ({"distribution_distance": 0.0}, 0.331495),
        ({"bound": "tight"}, 0.241207),
    ):
        found = relax(pose(scenario.replace(**changes), SCHEMES["finetune-only"]))
        assert found.gradient_norm_bound == pytest.approx(bound, rel=1e-5)


def test_without_the_factor_k_mnist_is_fine_tuned_alone():
    found = plan(load_scenario("mnist").replace(bound="tight")).plan
    assert (found.n_pretrain_rounds, found.n_finetune_rounds) == (0, 2550)


@pytest.mark.parametrize("bound", BOUNDS)
def test_algorithm_1_ends_where_the_exact_planner_does(bound):
    scenario = with_bound(load_scenario("digits"), bound, seed=1)
    exact, sca = plan(scenario), plan(scenario, method="sca", grid=4)
    assert sca.gradient_norm_bound == pytest.approx(exact.gradient_norm_bound, rel=2e-3)
    assert sca.relaxed_bound == exact.relaxed_bound


@pytest.mark.parametrize("bound", BOUNDS)
def test_known_gains_that_never_change_are_the_fixed_channel(bound):
    scenario = with_bound(load_scenario("digits"), bound, seed=1).replace(max_finetune_rounds=30)
    box = pose(scenario, SCHEMES["joint"])
    box.box.low[1] = 30
    gains = {
        key: np.tile(getattr(scenario, key), (30, 1)) for key in ("uplink_gain", "downlink_gain")
    }
    known = plan_known_gains(scenario, SCHEMES["joint"], **gains)
    assert known.gradient_norm_bound == pytest.approx(relax(box).gradient_norm_bound, rel=1e-5)


@pytest.mark.parametrize("bound", BOUNDS)
def test_static_power_is_planned_for_and_proven(bound):
    scenario = with_bound(load_scenario("digits"), bound, seed=1).replace(static_power_w=0.05)
    result = plan(scenario)
    assert result.status == "optimal"
    assert result.relaxed_bound <= result.gradient_norm_bound <= result.relaxed_bound * 1.005


@pytest.mark.parametrize("key", ["delay_budget_s", "energy_budget_j"])
def test_a_price_is_what_a_larger_budget_takes_off_the_target_bound(key):
    scenario = with_bound(load_scenario("mnist"), "target", seed=1)
    more = 1e-3 * getattr(scenario, key)
    result = plan(scenario)
    after = plan(scenario.replace(**{key: getattr(scenario, key) + more})).relaxed_bound
    name = {"delay_budget_s": "bound_per_s", "energy_budget_j": "bound_per_j"}[key]
    worth = getattr(result.sensitivity, name)
    assert result.relaxed_bound - after == pytest.approx(more * worth, rel=0.02, abs=1e-8)


def test_method_target_is_the_exact_plan_for_that_bound():
    scenario = load_scenario("mnist").replace(pretrain_pl_constant=0.3, hand_over_gap=0.2)
    result = plan(scenario, method="target")
    assert result.plan == plan(scenario.replace(bound="target")).plan != plan(scenario).plan
