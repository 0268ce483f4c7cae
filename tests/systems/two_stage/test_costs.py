import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import plans, scenarios

from edgegym import InputError, Plan, evaluate, load_scenario
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost

pytestmark = pytest.mark.usefixtures("strict_numpy")


@given(st.data())
def test_totals_equal_the_slow_reference(data):
    scenario = data.draw(scenarios(decades=4))
    plan = data.draw(plans(scenario))
    outcome = evaluate(plan, scenario)
    assert outcome.total_delay_s == pytest.approx(reference.overall_delay(scenario, plan), rel=1e-9)
    expected_j = reference.overall_energy(scenario, plan)
    assert outcome.total_energy_j == pytest.approx(expected_j, rel=1e-9)


@given(st.data())
def test_one_round_a_plan_and_many_environments_share_the_code(data):
    scenario = data.draw(scenarios())
    plan = data.draw(plans(scenario))
    outcome = evaluate(plan, scenario)
    for n in range(plan.n_finetune_rounds):
        one = finetune_round_cost(
            scenario,
            batch_size=plan.finetune_batch_size[n],
            clock_hz=plan.device_clock_hz[n],
            tx_power_w=plan.device_tx_power_w[n],
        )
        assert one.delay_s == outcome.finetune_rounds.delay_s[n]
        assert one.energy_j == outcome.finetune_rounds.energy_j[n]
    many = pretrain_round_cost(
        scenario,
        batch_size=np.tile(plan.pretrain_batch_size, (4, 1)),
        clock_hz=plan.server_clock_hz,
    )
    assert np.array_equal(many.delay_s[2], outcome.pretrain_rounds.delay_s)


@given(st.data())
def test_relabelling_the_devices_changes_nothing(data):
    scenario = data.draw(scenarios(decades=2, n_devices=4))
    plan = data.draw(plans(scenario))
    order = data.draw(st.permutations(range(4)))
    values = scenario.model_dump()
    relabelled = scenario.replace(
        **{k: [v[i] for i in order] for k, v in values.items() if isinstance(v, list)}
    )
    moved = {k: v[:, order] if v.ndim == 2 else v for k, v in plan.__dict__.items()}
    before, after = evaluate(plan, scenario), evaluate(Plan(**moved), relabelled)
    assert after.total_delay_s == pytest.approx(before.total_delay_s, rel=1e-12)
    assert after.total_energy_j == pytest.approx(before.total_energy_j, rel=1e-12)
    assert after.violations.keys() == before.violations.keys()


def constant(**changes):
    values = {
        "n_pretrain_rounds": 2,
        "pretrain_batch_size": 10,
        "server_clock_hz": 1e9,
        "n_finetune_rounds": 2,
        "finetune_batch_size": [10] * 3,
        "device_clock_hz": [1e8] * 3,
        "device_tx_power_w": [0.1] * 3,
    }
    return Plan.constant(**values | changes)


@pytest.mark.parametrize(
    ("key", "changes", "excess"),
    [
        ("max_pretrain_rounds", {"n_pretrain_rounds": 1500}, 0.5),
        ("max_finetune_rounds", {"n_finetune_rounds": 4500}, 0.5),
        ("pretrain_batch_size_limit", {"pretrain_batch_size": 1400}, 1.0),
        ("finetune_batch_size_limit", {"finetune_batch_size": [10, 770, 10]}, 0.1),
        ("server_clock_limit_hz", {"server_clock_hz": 3.2e9}, 1.0),
        ("device_clock_limit_hz", {"device_clock_hz": [1e8, 1e8, 720e6]}, 1.0),
        ("device_tx_power_peak_limit_w", {"device_tx_power_w": [0.1, 0.1, 0.6]}, 0.2),
    ],
)
def test_every_broken_limit_is_named_with_its_excess(key, changes, excess):
    scenario = load_scenario("mnist").replace(delay_budget_s=1e6, energy_budget_j=1e6)
    violations = evaluate(constant(**changes), scenario).violations
    assert violations[key] == pytest.approx(excess)
    assert set(violations) <= {key, "device_tx_power_mean_limit_w"}


def test_the_mean_power_limit_is_judged_over_the_rounds_not_by_each():
    scenario = load_scenario("mnist").replace(device_tx_power_mean_limit_w=0.25)
    powers = np.array([[0.5, 0.2, 0.2], [0.1, 0.2, 0.2]])
    plan = constant().model_copy(update={"device_tx_power_w": powers})
    assert "device_tx_power_mean_limit_w" in evaluate(plan, scenario).violations
    powers[0, 0] = 0.4
    assert evaluate(plan, scenario).violations == {}


def test_budgets_are_named_with_their_excess():
    outcome = evaluate(constant(), load_scenario("mnist"))
    tight = load_scenario("mnist").replace(
        delay_budget_s=outcome.total_delay_s / 1.1, energy_budget_j=outcome.total_energy_j / 1.2
    )
    violations = evaluate(constant(), tight).violations
    assert violations == pytest.approx({"delay_budget_s": 0.1, "energy_budget_j": 0.2})


def test_gains_of_every_round_may_be_given():
    scenario, plan = load_scenario("mnist"), constant()
    same = evaluate(plan, scenario, uplink_gain=np.tile(scenario.uplink_gain, (2, 1)))
    assert same.total_delay_s == evaluate(plan, scenario).total_delay_s
    better = evaluate(plan, scenario, uplink_gain=10 * scenario.uplink_gain)
    assert better.total_delay_s < same.total_delay_s


def test_a_plan_for_other_devices_is_refused():
    with pytest.raises(InputError, match=r"made for the 3 devices of scenario 'mnist'; got .* 2"):
        evaluate(
            constant(
                finetune_batch_size=[1, 1], device_clock_hz=[1e8] * 2, device_tx_power_w=[0.1] * 2
            ),
            load_scenario("mnist"),
        )
