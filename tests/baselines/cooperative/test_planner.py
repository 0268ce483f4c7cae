import numpy as np
import pytest
from cooperative_problems import random_scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.cooperative import METHODS, SCHEMES, plan
from edgegym import InputError, evaluate, load_scenario
from edgegym.systems.cooperative import COOPERATIVE, blocks
from edgegym.systems.cooperative.plan import CooperativePlan
from edgegym.systems.cooperative.worked import worked_scenario

DEFAULT = load_scenario("cooperative-digits")


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SCHEMES)))
def test_a_plan_is_feasible_and_costs_what_it_promised_or_is_said_to_be_lacking(seed, scheme):
    scenario = random_scenario(np.random.default_rng(seed))
    result = plan(scenario, scheme)
    if result.status == "infeasible":
        assert result.plan is None and np.isinf(result.value)
        assert result.message.startswith(("device_memory_bytes must let", "n_devices must be"))
        return
    outcome = evaluate(result.plan, scenario)
    assert not outcome.violations
    assert outcome.round.delay_s.mean() == pytest.approx(result.value, rel=1e-12)
    assert result.lower_bound <= result.value and result.gap >= 0
    assert CooperativePlan.from_json(result.plan.to_json()) == result.plan


def test_no_cooperative_scheme_is_below_what_the_joint_one_proves():
    joint = plan(DEFAULT)
    values = {scheme: plan(DEFAULT, scheme).value for scheme in SCHEMES if scheme != "alone"}
    assert min(values.values()) == joint.value
    assert joint.gap < 1e-6
    assert values["crunch"] <= values["crunch-equal"]
    assert joint.value <= plan(DEFAULT, method="dual-ascent").value <= values["crunch"]


def test_the_schemes_of_the_worked_case():
    worked = worked_scenario()
    values = {scheme: plan(worked, scheme).value for scheme in ("joint", "crunch-equal", "alone")}
    assert values["joint"] == pytest.approx(3.474918, abs=1e-6)
    assert values["crunch-equal"] == pytest.approx(4.5)
    assert values["alone"] == pytest.approx(5 / 3 + 3 * 2 / (2 * 3))  # the fastest does it all


def test_one_device_alone_takes_all_blocks_and_the_whole_band():
    result = plan(DEFAULT, "alone")
    devices = np.unique(result.plan.block_device)
    assert devices.size == 1 and blocks.able_alone(DEFAULT)[devices[0]]
    assert result.plan.bandwidth_share[0, devices[0]] == 1


def test_rotation_lets_every_block_meet_every_device_that_holds_it_and_leaves_nobody_idle():
    rotated = plan(DEFAULT, "rotation").plan.block_device
    assert len(rotated) == DEFAULT.n_devices
    able = blocks.able(DEFAULT)
    assert all(able[n, k] for row in rotated for n, k in enumerate(row))
    assert set(np.unique(rotated)) == set(range(10))
    meetings = [np.unique(rotated[:, n]).size for n in range(6)]
    assert meetings[0] >= 5 and all(m >= min(2, able[n].sum()) for n, m in enumerate(meetings))
    everywhere = plan(DEFAULT.replace(device_memory_bytes=1e9), "rotation").plan.block_device
    assert all(np.unique(everywhere[:, n]).size == 10 for n in range(6))


def test_gains_of_the_round_are_planned_for():
    better = DEFAULT.uplink_gain * 10
    result = plan(DEFAULT, uplink_gain=better)
    assert result.value < plan(DEFAULT).value
    outcome = evaluate(result.plan, DEFAULT, uplink_gain=better)
    assert float(outcome.round.delay_s[0]) == result.value


def test_too_few_devices_are_answered_with_how_many_would_do():
    few = random_scenario(np.random.default_rng(0), n_devices=3, n_blocks=4)
    result = plan(few)
    assert (result.status, result.plan, result.value) == ("infeasible", None, np.inf)
    assert result.message == (
        "n_devices must be at least 4, one for each block; got 3. Add 1, or cut the network into "
        "fewer blocks."
    )


def test_too_little_memory_is_answered_with_what_would_do():
    memory = DEFAULT.device_memory_bytes.copy()
    memory[memory > 1.5e6] = 1.3e6  # nobody holds the deepest block any more
    short = DEFAULT.replace(device_memory_bytes=memory.tolist())
    result = plan(short)
    assert result.status == "infeasible"
    assert result.message == (
        "device_memory_bytes must let 1 of the devices hold block 6 with 16 samples, 1.49e+06 "
        "bytes; got 0. Give 1 more so much, or lower least_batch_size."
    )
    memory[0] = 1.4901e6
    assert plan(DEFAULT.replace(device_memory_bytes=memory.tolist())).status == "optimal"
    alone = plan(short, "alone")
    assert alone.status == "infeasible" and "one device hold all 6 blocks" in alone.message


def test_a_budget_below_a_round_is_answered_with_the_one_that_would_do():
    poor = DEFAULT.replace(delay_budget_s=0.01, energy_budget_j=1e-3)
    result = plan(poor)
    assert (result.status, result.plan) == ("infeasible", None)
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
        ({"scheme": "joitn"}, "scheme must be one of .* Did you mean 'joint'"),
        ({"method": "exakt"}, "method must be one of .* Did you mean 'exact'"),
        ({"scheme": "alone", "method": "dual-ascent"}, "method 'dual-ascent' must go with scheme"),
    ],
)
def test_what_does_not_exist_or_go_together_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        plan(DEFAULT, **arguments)


def test_every_scheme_and_method_is_a_design():
    schemes, methods = zip(*COOPERATIVE.designs.values(), strict=True)
    assert set(schemes) == set(SCHEMES) and set(methods) == set(METHODS)
