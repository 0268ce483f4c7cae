import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import plans, random_scenario, scenarios

from baselines import SCHEMES
from baselines.two_stage.exact import solve_relaxation
from baselines.two_stage.feasibility import usable_stages
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from edgegym import evaluate, load_scenario

#: DESIGN's check values: bound, M, N, server batch, device batches; three solvers agree on them.
MNIST = {
    "joint": (0.304691, 1000, 1364.23, 82.43, [97.35, 101.98, 95.02]),
    "fixed-power": (0.342789, 1000, 871.90, 94.25, [135.78, 117.17, 93.25]),
    "fixed-clock": (0.338532, 0, 2026.06, None, [88.36, 92.96, 87.77]),
    "fixed-batch": (1.003840, 28.98, 435.88, 700, [700, 700, 700]),
    "pretrain-only": (0.497357, 1000, 0, 267.6, None),
    "finetune-only": (0.338532, 0, 2026.08, None, [88.36, 92.96, 87.77]),
}
CINIC10_CIFAR10 = {
    "joint": 0.327113,
    "fixed-power": 0.332711,
    "fixed-clock": 0.413727,
    "fixed-batch": 0.821416,
    "pretrain-only": 0.476507,
    "finetune-only": 0.425003,
}


@pytest.mark.parametrize("name", SCHEMES)
def test_check_values_of_mnist(name):
    bound, m, n, server, devices = MNIST[name]
    found = solve_relaxation(load_scenario("mnist"), SCHEMES[name])
    assert found.gradient_norm_bound == pytest.approx(bound, rel=1e-5)
    # The optimum is flat: rounds and batches carry fewer digits than the bound.
    assert found.n_pretrain_rounds == pytest.approx(m, rel=1e-3, abs=0.01)
    assert found.n_finetune_rounds == pytest.approx(n, rel=1e-3, abs=0.01)
    if server:
        assert found.pretrain_batch_size == pytest.approx(server, rel=1e-3)
    if devices:
        assert found.finetune_batch_size == pytest.approx(np.array(devices), rel=1e-3)


@pytest.mark.parametrize("name", SCHEMES)
def test_check_values_of_cinic10_cifar10(name):
    found = solve_relaxation(load_scenario("cinic10-cifar10"), SCHEMES[name])
    assert found.gradient_norm_bound == pytest.approx(CINIC10_CIFAR10[name], rel=1e-5)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("key", ["delay_budget_s", "energy_budget_j"])
def test_a_looser_budget_never_gives_a_worse_bound(name, key):
    scenario = load_scenario("mnist")
    bounds = [
        solve_relaxation(
            scenario.replace(**{key: factor * getattr(scenario, key)}), SCHEMES[name]
        ).gradient_norm_bound
        for factor in (0.5, 1.0, 2.0)
    ]
    assert bounds[0] >= bounds[1] * (1 - 1e-7) >= bounds[2] * (1 - 2e-7)


@given(scenarios(decades=0.5))
@settings(max_examples=10)
def test_freezing_something_never_helps(scenario):
    usable = {name: usable_stages(scenario, scheme) for name, scheme in SCHEMES.items()}
    found_by = {
        name: solve_relaxation(scenario, scheme)
        for name, scheme in usable.items()
        if scheme.pretrains or scheme.finetunes
    }
    joint = found_by.pop("joint")
    for found in filter(None, found_by.values()):
        assert joint.gradient_norm_bound <= found.gradient_norm_bound * (1 + 1e-5)


def test_relabelling_the_devices_relabels_the_batches():
    scenario, order = load_scenario("mnist"), [2, 0, 1]
    values = scenario.model_dump()
    relabelled = scenario.replace(
        **{k: [v[i] for i in order] for k, v in values.items() if isinstance(v, list)}
    )
    first = solve_relaxation(scenario, SCHEMES["joint"])
    second = solve_relaxation(relabelled, SCHEMES["joint"])
    assert second.gradient_norm_bound == pytest.approx(first.gradient_norm_bound, rel=1e-7)
    assert second.finetune_batch_size == pytest.approx(first.finetune_batch_size[order], rel=1e-3)


@given(st.data())
@settings(max_examples=25)
def test_no_feasible_plan_beats_the_relaxed_bound(data):
    scenario = data.draw(scenarios(decades=0.5))
    plan = data.draw(plans(scenario, max_rounds=40))
    assume(plan.n_pretrain_rounds + plan.n_finetune_rounds > 0)
    outcome = evaluate(plan, scenario)
    # With not a digit to spare the problem has no interior, which is beyond any solver.
    just_enough = scenario.replace(
        delay_budget_s=outcome.total_delay_s * 1.00001,
        energy_budget_j=outcome.total_energy_j * 1.00001,
        device_tx_power_mean_limit_w=scenario.device_tx_power_peak_limit_w,
    )
    assert evaluate(plan, just_enough).violations == {}
    relaxed = solve_relaxation(just_enough, usable_stages(just_enough, SCHEMES["joint"]))
    assert relaxed.gradient_norm_bound <= outcome.gradient_norm_bound * (1 + 1e-6)


def test_rounds_can_be_fixed():
    found = solve_relaxation(
        load_scenario("mnist"), SCHEMES["joint"], n_pretrain_rounds=300, n_finetune_rounds=300
    )
    assert found.gradient_norm_bound == pytest.approx(0.78701038, rel=1e-6)
    assert found.n_pretrain_rounds == pytest.approx(300, rel=1e-5)


def test_more_rounds_than_the_budgets_allow_have_no_solution():
    poor = load_scenario("mnist").replace(delay_budget_s=10.0)
    assert (
        solve_relaxation(poor, SCHEMES["joint"], n_pretrain_rounds=0, n_finetune_rounds=3000)
        is None
    )


def test_the_mean_power_limit_binds_like_a_peak_limit():
    scenario = load_scenario("mnist")
    weaker = [
        scenario.replace(**{key: 0.02})
        for key in ("device_tx_power_mean_limit_w", "device_tx_power_peak_limit_w")
    ]
    bounds = [solve_relaxation(s, SCHEMES["joint"]).gradient_norm_bound for s in weaker]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-7)
    assert bounds[0] > 0.3047


@pytest.mark.parametrize("seed", [457, 516])
def test_a_stage_that_runs_no_round_leaves_a_value(seed):
    scenario, scheme = random_scenario(seed, 0.5, 1 + seed % 5), SCHEMES["fixed-clock"]
    found = solve_relaxation(scenario, scheme)
    expected = relax(pose(scenario, scheme)).gradient_norm_bound
    assert found.gradient_norm_bound == pytest.approx(expected, rel=1e-5)
