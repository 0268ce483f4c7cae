import pytest

from baselines import SCHEMES, plan
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from baselines.two_stage.sensitivity import sensitivity
from edgegym import load_scenario


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("key", ["delay_budget_s", "energy_budget_j"])
def test_a_price_is_what_a_little_more_budget_brings(name, key):
    scenario, scheme = load_scenario("mnist"), SCHEMES[name]
    problem = pose(scenario, scheme)
    found = sensitivity(problem, relax(problem))
    step = 0.002 * getattr(scenario, key)
    around = [
        relax(pose(scenario.replace(**{key: getattr(scenario, key) + sign * step}), scheme))
        for sign in (-1, 1)
    ]
    slope = (around[0].gradient_norm_bound - around[1].gradient_norm_bound) / (2 * step)
    price = found.bound_per_s if key == "delay_budget_s" else found.bound_per_j
    assert price == pytest.approx(slope, rel=0.01)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_pretrain_rounds", 500),
        ("max_finetune_rounds", 200),
        ("pretrain_batch_size_limit", 60),
        ("finetune_batch_size_limit", [70, 70, 70]),
        ("server_clock_limit_hz", 2.5e8),
        ("device_clock_limit_hz", 1e8),
        ("device_tx_power_peak_limit_w", 0.01),
        ("device_tx_power_mean_limit_w", 0.01),
        ("energy_budget_j", 100.0),
        ("delay_budget_s", 500.0),
    ],
)
def test_a_limit_that_hurts_is_listed(key, value):
    scenario = load_scenario("mnist").replace(**{key: value})
    assert key in plan(scenario).sensitivity.binding


def test_an_ample_budget_has_no_price_and_does_not_bind():
    found = plan(load_scenario("mnist").replace(energy_budget_j=1e6)).sensitivity
    assert found.bound_per_j == pytest.approx(0, abs=1e-9)
    assert "energy_budget_j" not in found.binding and "delay_budget_s" in found.binding


def test_what_a_scheme_freezes_is_not_listed_and_nothing_planned_has_no_prices():
    assert (
        "finetune_batch_size_limit"
        not in plan(load_scenario("mnist"), scheme="fixed-batch").sensitivity.binding
    )
    assert plan(load_scenario("mnist").replace(delay_budget_s=1e-5)).sensitivity is None
