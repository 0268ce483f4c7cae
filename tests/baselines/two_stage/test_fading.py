import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import plans, scenarios

from baselines import SCHEMES
from baselines.two_stage.fading import best_known_gains, plan_known_gains
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from edgegym import InputError, evaluate, load_scenario
from edgegym.systems.two_stage.bound import bound_terms
from edgegym.systems.two_stage.costs import finetune_round_cost, pretrain_round_cost
from edgegym.systems.two_stage.scenario import PER_DEVICE

FINETUNING = [name for name, scheme in SCHEMES.items() if scheme.finetunes]


def constant(scenario, n_rounds):
    keys = "uplink_gain", "downlink_gain"
    return {key: np.tile(getattr(scenario, key), (n_rounds, 1)) for key in keys}


def rayleigh(n_rounds, n_devices=3, seed=0, mean=1e-5):
    rng = np.random.default_rng(seed)
    shape = n_rounds, n_devices
    return {key: mean * rng.exponential(size=shape) for key in ("uplink_gain", "downlink_gain")}


@pytest.mark.parametrize("scheme", FINETUNING)
@pytest.mark.parametrize("name", ["digits", "mnist", "cinic10-cifar10"])
def test_gains_that_never_change_are_a_fixed_channel(name, scheme):
    scenario, scheme = load_scenario(name).replace(max_finetune_rounds=20), SCHEMES[scheme]
    found = plan_known_gains(scenario, scheme, **constant(scenario, 20))
    fixed = relax(pose(scenario, scheme))
    assert fixed.n_finetune_rounds == pytest.approx(20, rel=1e-4)
    assert found.gradient_norm_bound == pytest.approx(fixed.gradient_norm_bound, rel=1e-6)
    assert found.n_pretrain_rounds == pytest.approx(fixed.n_pretrain_rounds, rel=1e-3, abs=1e-2)


@given(st.data())
@settings(max_examples=30)
def test_no_feasible_plan_beats_the_optimum_on_its_gains(data):
    scenario = data.draw(scenarios(decades=0.5))
    plan = data.draw(plans(scenario, max_rounds=12))
    assume(plan.n_finetune_rounds > 0)
    gains = rayleigh(
        plan.n_finetune_rounds,
        scenario.n_devices,
        seed=data.draw(st.integers(0, 2**32 - 1)),
        mean=scenario.mean_path_gain,
    )
    outcome = evaluate(plan, scenario, **gains)
    just_enough = scenario.replace(
        delay_budget_s=outcome.total_delay_s,
        energy_budget_j=outcome.total_energy_j,
        device_tx_power_mean_limit_w=plan.device_tx_power_w.mean(axis=0),
    )
    assert evaluate(plan, just_enough, **gains).violations == {}
    best = plan_known_gains(just_enough, SCHEMES["joint"], **gains)
    assert best.status in ("Solved", "AlmostSolved")
    assert best.gradient_norm_bound <= outcome.gradient_norm_bound * (1 + 1e-6)


def spent(scenario, found, gains):
    """Delay and energy of a solution with its real batches."""
    finetune = finetune_round_cost(
        scenario,
        batch_size=found.finetune_batch_size,
        clock_hz=found.device_clock_hz,
        tx_power_w=found.device_tx_power_w,
        **gains,
    )
    pretrain = pretrain_round_cost(
        scenario, batch_size=found.pretrain_batch_size, clock_hz=found.server_clock_hz
    )
    m = found.n_pretrain_rounds
    return (
        m * pretrain.delay_s + finetune.delay_s.sum(),
        m * pretrain.energy_j + finetune.energy_j.sum(),
    )


@pytest.mark.parametrize("scheme", FINETUNING)
@pytest.mark.parametrize("name", ["digits", "mnist", "cinic10-cifar10"])
def test_a_solution_costs_no_more_than_the_budgets(name, scheme):
    s, gains = load_scenario(name), rayleigh(60)
    found = plan_known_gains(s, SCHEMES[scheme], **gains)
    delay_s, energy_j = spent(s, found, gains)
    assert delay_s <= s.delay_budget_s * (1 + 1e-5)
    assert energy_j <= s.energy_budget_j * (1 + 1e-5)
    within = 1 + 1e-6
    assert np.all(found.device_tx_power_w <= within * s.device_tx_power_peak_limit_w)
    assert np.all(found.device_clock_hz <= within * s.device_clock_limit_hz)
    assert found.server_clock_hz <= within * s.server_clock_limit_hz
    assert np.all(found.finetune_batch_size <= within * s.finetune_batch_size_limit)
    assert np.all(found.finetune_batch_size >= 1 - 1e-6)


def test_the_bound_is_that_of_the_rounds_and_batches():
    s = load_scenario("mnist")
    found, terms = plan_known_gains(s, SCHEMES["joint"], **rayleigh(60)), bound_terms(s)
    m, total = found.n_pretrain_rounds, found.finetune_batch_size.sum(axis=1)
    noise = m * terms.pretrain_noise / found.pretrain_batch_size
    noise += np.sum(terms.finetune_noise / total)
    assert found.gradient_norm_bound == pytest.approx((noise + terms.start) / (m + 60), rel=1e-6)


@pytest.mark.parametrize("n_rounds", [60, 100])
def test_a_mean_power_limit_binds_in_the_mean_and_not_in_every_round(n_rounds):
    gains = rayleigh(n_rounds)
    free = load_scenario("mnist")
    limits = (
        free,
        free.replace(device_tx_power_mean_limit_w=0.01),
        free.replace(device_tx_power_peak_limit_w=0.01, device_tx_power_mean_limit_w=0.01),
    )
    found = [plan_known_gains(s, SCHEMES["joint"], **gains) for s in limits]
    mean_w = found[1].device_tx_power_w.mean(axis=0)
    assert np.all(found[0].device_tx_power_w.mean(axis=0) > 0.0101)
    assert mean_w == pytest.approx(np.full(3, 0.01), rel=0.01)
    assert np.all(mean_w <= 0.01 * (1 + 1e-5))
    assert np.all(found[1].device_tx_power_w.max(axis=0) > 0.02)
    bounds = [solution.gradient_norm_bound for solution in found]
    assert bounds[0] < bounds[1] * (1 - 1e-7) and bounds[1] < bounds[2] * (1 - 1e-7)


def test_relabelling_the_devices_relabels_the_solution():
    s, gains, order = load_scenario("mnist"), rayleigh(40), [2, 0, 1]
    relabelled = s.replace(**{key: getattr(s, key)[order] for key in PER_DEVICE})
    limit = {"device_tx_power_mean_limit_w": 0.012}
    first = plan_known_gains(s.replace(**limit), SCHEMES["joint"], **gains)
    second = plan_known_gains(
        relabelled.replace(**limit),
        SCHEMES["joint"],
        **{key: gain[:, order] for key, gain in gains.items()},
    )
    assert second.gradient_norm_bound == pytest.approx(first.gradient_norm_bound, rel=1e-6)
    assert second.device_tx_power_w == pytest.approx(first.device_tx_power_w[:, order], rel=0.02)


def test_the_order_of_the_rounds_does_not_matter():
    s, gains = load_scenario("mnist").replace(device_tx_power_mean_limit_w=0.012), rayleigh(40)
    first = plan_known_gains(s, SCHEMES["joint"], **gains)
    turned = {key: gain[::-1] for key, gain in gains.items()}
    second = plan_known_gains(s, SCHEMES["joint"], **turned)
    assert second.gradient_norm_bound == pytest.approx(first.gradient_norm_bound, rel=1e-6)


def test_better_gains_never_give_a_worse_bound():
    s, gains = load_scenario("digits"), rayleigh(60)
    better = {key: gain * np.linspace(1, 3, 60)[:, np.newaxis] for key, gain in gains.items()}
    bounds = [
        plan_known_gains(s, SCHEMES["joint"], **g).gradient_norm_bound for g in (better, gains)
    ]
    assert bounds[0] <= bounds[1] * (1 + 1e-9)


@pytest.mark.parametrize("scheme", ["joint", "fixed-power"])
def test_a_weak_round_is_bought_or_the_rounds_do_not_fit(scheme):
    s, gains = load_scenario("mnist"), rayleigh(20)
    gains["uplink_gain"][7] = 1e-15
    assert plan_known_gains(s, SCHEMES[scheme], **gains) is None
    assert plan_known_gains(s, SCHEMES[scheme], **{k: g[:7] for k, g in gains.items()}) is not None


@pytest.mark.parametrize("shape", [(3,), (5, 2), (0, 3), (2, 5, 3), ()])
@pytest.mark.parametrize("key", ["uplink_gain", "downlink_gain"])
def test_gains_of_another_shape_are_refused(key, shape):
    gains = rayleigh(5) | {key: np.full(shape, 1e-5)}
    with pytest.raises(InputError) as refused:
        plan_known_gains(load_scenario("mnist"), SCHEMES["joint"], **gains)
    rule = f"{key} must have shape (N, 3); got shape {shape}. Give the gains of every"
    assert str(refused.value).startswith(rule)


@pytest.mark.parametrize("n_rounds", [4, 1])
def test_up_and_downlink_must_cover_the_same_rounds(n_rounds):
    gains = rayleigh(5)
    gains["downlink_gain"] = gains["downlink_gain"][:n_rounds]
    with pytest.raises(InputError, match="downlink_gain must"):
        plan_known_gains(load_scenario("mnist"), SCHEMES["joint"], **gains)


@pytest.mark.parametrize("value", [0.0, -1e-5, np.nan, np.inf])
@pytest.mark.parametrize("key", ["uplink_gain", "downlink_gain"])
def test_gains_that_are_no_positive_numbers_are_refused(key, value):
    gains = rayleigh(5)
    gains[key][2, 1] = value
    with pytest.raises(InputError, match=f"{key} must"):
        plan_known_gains(load_scenario("mnist"), SCHEMES["joint"], **gains)


def test_a_scheme_without_fine_tuning_is_refused():
    with pytest.raises(InputError, match="scheme must"):
        plan_known_gains(load_scenario("mnist"), SCHEMES["pretrain-only"], **rayleigh(5))


def test_the_best_number_of_rounds_is_not_far_from_the_best_of_all():
    s, gains = (
        load_scenario("digits").replace(delay_budget_s=25.0, energy_budget_j=8.0),
        rayleigh(120),
    )
    found = best_known_gains(s, SCHEMES["joint"], **gains, near=65)
    tried = [
        plan_known_gains(s, SCHEMES["joint"], **{k: g[:n] for k, g in gains.items()})
        for n in range(52, 80, 3)
    ]
    best = min(solution.gradient_norm_bound for solution in filter(None, tried))
    assert found.gradient_norm_bound <= best * (1 + 1e-3)
    assert 52 <= len(found.finetune_batch_size) <= 79


def test_more_rounds_than_the_limit_are_refused():
    scenario = load_scenario("mnist").replace(max_finetune_rounds=4)
    with pytest.raises(InputError, match="at most max_finetune_rounds = 4 rounds; got 5"):
        plan_known_gains(scenario, SCHEMES["joint"], **rayleigh(5))
