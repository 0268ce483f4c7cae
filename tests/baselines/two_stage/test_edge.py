"""Where hardly a round fits, or a part is hopeless: never an exception, always the best plan."""

import numpy as np
import pytest

from baselines import SCHEMES, plan
from baselines.two_stage.feasibility import least_energy_j, usable_stages
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from edgegym import InputError, Scenario, evaluate, load_scenario
from edgegym.runs.play import play_plan

NAMES = ("digits", "digits-profiles", "digits-measured", "mnist", "cinic10-cifar10")
SHIPPED = {name: load_scenario(name) for name in NAMES}


def poor_system(seed: int) -> tuple[Scenario, str]:
    """A shipped scenario with budgets down to 1e-8 of its own, and one to eight rounds a stage.

    Half of them have just the energy that some rounds take, to a share between 1e-9 and one.
    """
    rng, scheme = np.random.default_rng(seed), list(SCHEMES)[seed % len(SCHEMES)]
    s = SHIPPED[NAMES[rng.integers(len(NAMES))]]
    delay, energy = 10 ** rng.uniform(-8, 0, 2)
    limits = (int(limit) for limit in rng.integers(1, 9, 2))
    s = s.replace(
        **dict(zip(("max_pretrain_rounds", "max_finetune_rounds"), limits, strict=True)),
        delay_budget_s=s.delay_budget_s * delay,
        energy_budget_j=s.energy_budget_j * energy,
    )
    if seed % 2:
        s = s.replace(delay_budget_s=10 ** rng.uniform(-4, 2))
        stages = np.array([1, 0]), np.array([0, 1])
        design = SCHEMES[scheme]
        runs = [
            x
            for x, in_it in zip(stages, (design.pretrains, design.finetunes), strict=True)
            if in_it
        ]
        rounds = tuple(rng.integers(1, 5) * runs[rng.integers(len(runs))])
        needed_j = least_energy_j(s, design, rounds, s.delay_budget_s)
        if np.isfinite(needed_j):
            s = s.replace(energy_budget_j=needed_j * (1 + 10 ** rng.uniform(-9, 0)))
    return s, scheme


@pytest.mark.parametrize("chunk", range(10))
def test_five_thousand_systems_at_the_edge_have_a_plan_within_all_limits_or_none(chunk):
    n_planned = 0
    for seed in range(500 * chunk, 500 * (chunk + 1)):
        scenario, scheme = poor_system(seed)
        result = plan(scenario, scheme)
        if result.plan is None:
            assert result.status == "infeasible", seed
            assert "must allow one round" in result.message, seed
            continue
        n_planned += 1
        assert evaluate(result.plan, scenario).violations == {}, seed
        assert result.proven_bound <= result.gradient_norm_bound * (1 + 1e-9), seed
        assert result.status == "optimal" or result.relaxed.gap > 1e-4, seed
    assert 100 < n_planned < 400


@pytest.mark.parametrize("seed", range(0, 200, 3))
def test_what_is_planned_at_the_edge_can_be_played(seed):
    scenario, scheme = poor_system(seed)
    found = plan(scenario, scheme).plan
    if found is not None:
        final = play_plan(scenario.replace(channel_mode="fixed"), found, 0, fidelity="bound").final
        assert final["n_pretrain_rounds"] == found.n_pretrain_rounds
        assert final["n_finetune_rounds"] == found.n_finetune_rounds


@pytest.mark.parametrize("scheme", SCHEMES)
def test_algorithm_1_too_ends_at_the_edge(scheme):
    for seed in range(list(SCHEMES).index(scheme), 60, 6):
        scenario, _ = poor_system(seed)
        exact, found = plan(scenario, scheme), plan(scenario, scheme, "sca", grid=3)
        assert (found.plan is None) == (exact.plan is None)
        if found.plan is not None:
            assert evaluate(found.plan, scenario).violations == {}
            assert found.gradient_norm_bound >= exact.proven_bound * (1 - 1e-6)


def test_the_system_that_crashed_on_another_processor_has_an_answer():
    poor = load_scenario("digits-profiles").replace(
        delay_budget_s=1.360231162112889e-06,
        energy_budget_j=6.385093635281783e-07,
        max_pretrain_rounds=5,
        max_finetune_rounds=7,
    )
    assert plan(poor, "finetune-only").status == "infeasible"


@pytest.mark.parametrize("gains", [[1e-16, 1e-5, 1e-5], [1e-16] * 3])
def test_a_device_in_a_deep_fade_leaves_pretraining_with_a_full_certificate(gains):
    result = plan(load_scenario("digits").replace(uplink_gain=gains))
    assert (result.status, result.plan.n_pretrain_rounds) == ("optimal", 300)
    assert result.plan.n_finetune_rounds == 0
    assert result.gradient_norm_bound <= 1.001 * result.proven_bound


def test_a_stage_that_cannot_run_is_not_searched():
    faded, joint = load_scenario("digits").replace(uplink_gain=[1e-16] * 3), SCHEMES["joint"]
    assert not usable_stages(faded, joint).finetunes
    assert plan(faded).proven_bound == plan(faded, "pretrain-only").proven_bound


def spoilt(monkeypatch, **changes):
    """Let the solver end otherwise than it did."""
    from baselines.two_stage.program import Program

    solve = Program.solve
    monkeypatch.setattr(Program, "solve", lambda self: solve(self)._replace(**changes))


@pytest.mark.parametrize("status", ["PrimalInfeasible", "AlmostPrimalInfeasible"])
def test_a_solver_that_wrongly_calls_a_system_infeasible_is_not_believed(status, monkeypatch):
    spoilt(monkeypatch, status=status)
    result = plan(load_scenario("mnist"))
    assert result.status == "inaccurate"
    assert evaluate(result.plan, load_scenario("mnist")).violations == {}
    assert "stopped short" in result.message


def test_a_solver_that_finds_no_numbers_leaves_a_plan_and_a_true_bound(monkeypatch):
    best = plan(load_scenario("mnist")).gradient_norm_bound
    spoilt(monkeypatch, x=np.full(50, np.nan), z=np.full(200, np.nan), status="NumericalError")
    result = plan(load_scenario("mnist"))
    assert result.status == "inaccurate"
    assert evaluate(result.plan, load_scenario("mnist")).violations == {}
    assert 0 < result.proven_bound <= best


def test_prices_prove_that_a_box_is_hopeless():
    from baselines.two_stage.box import FINETUNE_ROUNDS, whole_box

    scenario, scheme = load_scenario("mnist").replace(delay_budget_s=10.0), SCHEMES["joint"]
    box = whole_box(scenario, scheme)
    box.low[FINETUNE_ROUNDS] = 3000
    assert relax(pose(scenario, scheme).within(box)) is None


def test_a_mean_power_that_cannot_be_played_is_refused_with_the_scenario():
    with pytest.raises(InputError, match=r"device_tx_power_mean_limit_w must be at least .*; got"):
        load_scenario("digits").replace(device_tx_power_mean_limit_w=4e-5)


def test_the_least_mean_power_is_planned_and_played():
    barely = load_scenario("digits").replace(device_tx_power_mean_limit_w=5e-5)
    found = plan(barely).plan
    assert found.n_finetune_rounds > 0
    final = play_plan(barely, found, 0, fidelity="bound").final
    assert (final["n_finetune_rounds"], final["is_success"]) == (found.n_finetune_rounds, True)


@pytest.mark.parametrize("learning_rate", [1e-15, 1e15, 1e20])
def test_no_learning_rate_is_beyond_the_planner(learning_rate):
    scenario = load_scenario("digits").replace(learning_rate=learning_rate)
    result = plan(scenario)
    assert evaluate(result.plan, scenario).violations == {}
    assert 0 <= result.proven_bound <= result.gradient_norm_bound * (1 + 1e-9)
