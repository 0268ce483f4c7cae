import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import plans, scenarios

from baselines import SCHEMES
from baselines.two_stage.box import whole_box
from baselines.two_stage.prices import Prices, lower_bound
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from edgegym import Plan, evaluate, load_scenario
from edgegym.systems.two_stage.bound import bound_terms
from edgegym.systems.two_stage.plan import PRETRAIN_FIELDS

SHIPPED = ["digits", "mnist", "cinic10-cifar10"]
BUDGETS = ["delay_budget_s", "energy_budget_j"]


def certificate(scenario, scheme, prices, box=None):
    problem = pose(scenario, scheme)
    return lower_bound(prices, problem.within(box or problem.box))


def of_scheme(plan, scenario, scheme):
    """Freeze what a scheme freezes."""
    s = scenario
    held = {
        "device_tx_power_w": (scheme.fixed_power, s.device_tx_power_peak_limit_w),
        "server_clock_hz": (scheme.fixed_clock, s.server_clock_limit_hz),
        "device_clock_hz": (scheme.fixed_clock, s.device_clock_limit_hz),
        "pretrain_batch_size": (scheme.fixed_batch, s.pretrain_batch_size_limit),
        "finetune_batch_size": (scheme.fixed_batch, s.finetune_batch_size_limit),
    }
    values = {}
    for key, (frozen, limit) in held.items():
        value = getattr(plan, key)
        runs = scheme.pretrains if key in PRETRAIN_FIELDS else scheme.finetunes
        values[key] = (np.zeros_like(value) + limit if frozen else value)[: None if runs else 0]
    return Plan(**values)


def with_just_enough(scenario, outcome):
    """The scenario whose budgets are what a plan spent, and whose mean power limit is its peak."""
    return scenario.replace(
        delay_budget_s=outcome.total_delay_s,
        energy_budget_j=outcome.total_energy_j,
        device_tx_power_mean_limit_w=scenario.device_tx_power_peak_limit_w,
    )


def random_prices(rng, scenario):
    """Any prices, in units that matter: what the numerator of (34) starts from, by each budget."""
    start = bound_terms(scenario).start
    seconds, joules = start * 10 ** rng.uniform(-4, 1, 2) * rng.integers(0, 2, 2)
    per_s = seconds / scenario.delay_budget_s
    share = rng.dirichlet(np.full(scenario.n_devices, 0.5))
    return Prices(per_s, per_s * share, joules / scenario.energy_budget_j)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@given(data=st.data())
@settings(max_examples=30)
def test_no_feasible_plan_is_below_the_certificate_of_any_prices(scheme, data):
    scenario = data.draw(scenarios(decades=1))
    plan = of_scheme(data.draw(plans(scenario, max_rounds=40)), scenario, scheme)
    assume(plan.n_pretrain_rounds + plan.n_finetune_rounds > 0)
    outcome = evaluate(plan, scenario)
    just_enough = with_just_enough(scenario, outcome)
    assert evaluate(plan, just_enough).violations == {}
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    for _ in range(10):
        bound = certificate(just_enough, scheme, random_prices(rng, just_enough))
        assert bound <= outcome.gradient_norm_bound * (1 + 1e-9)


@given(st.data())
@settings(max_examples=30)
def test_no_plan_in_a_box_is_below_the_certificate_of_the_box(data):
    scenario, scheme = data.draw(scenarios(decades=1)), SCHEMES["joint"]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    plan = data.draw(plans(scenario, max_rounds=40))
    assume(plan.n_pretrain_rounds > 0 and plan.n_finetune_rounds > 0)
    alike = plan.model_copy(
        update={
            "pretrain_batch_size": np.full(plan.n_pretrain_rounds, plan.pretrain_batch_size[0]),
            "finetune_batch_size": np.tile(
                plan.finetune_batch_size[0], (plan.n_finetune_rounds, 1)
            ),
        }
    )
    outcome, batches = evaluate(alike, scenario), alike.finetune_batch_size[0]
    just_enough, box = with_just_enough(scenario, outcome), whole_box(scenario, scheme)
    rounds = alike.n_pretrain_rounds, alike.n_finetune_rounds
    integers = np.array([*rounds, alike.pretrain_batch_size[0], batches.sum(), *batches])
    low = integers - np.floor(rng.uniform(0, 5, len(integers)))
    high = integers + np.floor(rng.uniform(0, 5, len(integers)))
    box = box._replace(low=np.maximum(box.low, low), high=np.minimum(box.high, high))
    for _ in range(10):
        bound = certificate(just_enough, scheme, random_prices(rng, just_enough), box)
        assert bound <= outcome.gradient_norm_bound * (1 + 1e-9)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("name", SHIPPED)
def test_at_the_relaxations_own_prices_the_certificate_meets_the_optimum(name, scheme):
    scenario = load_scenario(name)
    relaxed = relax(pose(scenario, scheme))
    bound = certificate(scenario, scheme, relaxed.prices)
    assert bound == relaxed.lower_bound
    assert bound == pytest.approx(relaxed.gradient_norm_bound, rel=1e-6)


@given(scenarios(decades=0.5), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_no_prices_prove_more_than_the_relaxations_own(scenario, seed):
    rng, scheme = np.random.default_rng(seed), SCHEMES["joint"]
    relaxed = relax(pose(scenario, scheme))
    assume(relaxed is not None)
    for _ in range(20):
        delay, energy, *shares = rng.uniform(0.5, 2, 2 + scenario.n_devices)
        devices = relaxed.prices.device_delay_per_s * shares
        devices *= delay * relaxed.prices.delay_per_s / devices.sum()
        moved = Prices(devices.sum(), devices, energy * relaxed.prices.energy_per_j)
        assert certificate(scenario, scheme, moved) <= relaxed.gradient_norm_bound * (1 + 1e-6)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("key", BUDGETS)
def test_a_price_is_what_a_larger_budget_takes_off_the_bound(key, name, scheme):
    scenario = load_scenario(name)
    more = 1e-3 * getattr(scenario, key)
    before = relax(pose(scenario, scheme))
    after = relax(pose(scenario.replace(**{key: getattr(scenario, key) + more}), scheme))
    prices = dict(
        zip(BUDGETS, (before.prices.delay_per_s, before.prices.energy_per_j), strict=True)
    )
    rounds = before.n_pretrain_rounds + before.n_finetune_rounds
    fall = before.gradient_norm_bound - after.gradient_norm_bound
    assert fall == pytest.approx(
        more * prices[key] / rounds, rel=0.02, abs=1e-7 * before.gradient_norm_bound
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_the_devices_share_the_price_of_a_second(name):
    prices = relax(pose(load_scenario(name), SCHEMES["joint"])).prices
    assert prices.device_delay_per_s.sum() == pytest.approx(prices.delay_per_s, rel=1e-5)
    assert np.all(prices.device_delay_per_s > 0)
