import numpy as np
import pytest

import baselines
from edgegym import Plan, evaluate, load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.lifecycle.state import EndCode
from edgegym.runs.play import LATER_COLUMNS, ROUND_COLUMNS, follow_plan, play, play_plan
from edgegym.systems.two_stage.decision import Stage

SCENARIOS = ("digits", "mnist")
TRAINED = {"train_loss", "test_loss", "test_accuracy"}


def play_as(dtype, plan, scenario):
    """Play a plan at fidelity bound with actions of a type."""
    env = TwoStageEdgeEnv(scenario, fidelity="bound")
    policy = follow_plan(plan, env)
    return play(env, lambda observation, info: policy(observation, info).astype(dtype), seed=0)


def varied_plan(scenario, n_pretrain_rounds, n_finetune_rounds, seed=0):
    """Make a plan whose rounds are all different, far within the limits."""
    rng, shape = np.random.default_rng(seed), (n_finetune_rounds, scenario.n_devices)
    return Plan(
        pretrain_batch_size=rng.integers(1, 60, n_pretrain_rounds),
        server_clock_hz=rng.uniform(0.1, 1, n_pretrain_rounds) * scenario.server_clock_limit_hz,
        finetune_batch_size=rng.integers(1, 60, shape),
        device_clock_hz=rng.uniform(0.1, 1, shape) * scenario.device_clock_limit_hz,
        device_tx_power_w=rng.uniform(0.01, 1, shape) * scenario.device_tx_power_peak_limit_w,
    )


def assert_booked(episode, plan, scenario, rel):
    """Check that an episode booked what the referee grades the plan with."""
    outcome, final = evaluate(plan, scenario), episode.final
    assert final["total_delay_s"] == pytest.approx(outcome.total_delay_s, rel=rel)
    assert final["total_energy_j"] == pytest.approx(outcome.total_energy_j, rel=rel)
    assert final["gradient_norm_bound"] == pytest.approx(outcome.gradient_norm_bound, rel=rel)
    assert final["n_pretrain_rounds"] == plan.n_pretrain_rounds
    assert final["n_finetune_rounds"] == plan.n_finetune_rounds


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scheme", baselines.SCHEMES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_played_plan_costs_what_the_referee_says(planned, name, scheme, dtype):
    plan, scenario = planned(name, scheme), load_scenario(name)
    episode = play_as(dtype, plan, scenario)
    assert_booked(episode, plan, scenario, rel=1e-5)
    at_limit = plan.n_finetune_rounds == scenario.max_finetune_rounds
    assert episode.final["end_code"] == (EndCode.ROUND_LIMIT if at_limit else EndCode.FINISHED)
    assert episode.final["is_success"] is True


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_rounds", [(7, 5), (0, 5), (7, 0), (300, 5)])
def test_a_plan_with_different_rounds_costs_what_the_referee_says(n_rounds, dtype):
    scenario = load_scenario("digits").replace(energy_budget_j=1e4)
    plan = varied_plan(scenario, *n_rounds)
    assert_booked(play_as(dtype, plan, scenario), plan, scenario, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_plan_up_to_the_round_limit_ends_there(dtype):
    scenario = load_scenario("digits").replace(max_finetune_rounds=5)
    plan = varied_plan(scenario, 2, 5)
    episode = play_as(dtype, plan, scenario)
    assert episode.final["end_code"] == EndCode.ROUND_LIMIT
    assert_booked(episode, plan, scenario, rel=1e-5)


def test_every_round_is_booked_in_turn(planned):
    scenario, plan = load_scenario("digits"), planned("digits", "joint")
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    rounds, outcome = play_as(np.float64, plan, scenario).rounds, evaluate(plan, scenario)
    assert tuple(rounds) == (*ROUND_COLUMNS, *LATER_COLUMNS)
    assert rounds["stage"] == [Stage.PRETRAIN] * m + [Stage.FINETUNE] * n
    assert rounds["round"] == [*range(m), *range(n)]
    delays = np.concatenate([outcome.pretrain_rounds.delay_s, outcome.finetune_rounds.delay_s])
    assert rounds["delay_s"] == pytest.approx(np.cumsum(delays))
    energies = np.concatenate([outcome.pretrain_rounds.energy_j, outcome.finetune_rounds.energy_j])
    assert rounds["energy_j"] == pytest.approx(np.cumsum(energies))


@pytest.mark.parametrize(
    ("budget", "end_code"),
    [("delay_budget_s", EndCode.DELAY_BUDGET), ("energy_budget_j", EndCode.ENERGY_BUDGET)],
)
def test_a_plan_beyond_a_budget_ends_at_it_without_overspending(planned, budget, end_code):
    scenario = load_scenario("digits")
    poor = scenario.replace(**{budget: 0.7 * getattr(scenario, budget)})
    final = play_as(np.float64, planned("digits", "joint"), poor).final
    assert final["end_code"] == end_code
    assert final["total_delay_s"] <= poor.delay_budget_s
    assert final["total_energy_j"] <= poor.energy_budget_j


def test_the_return_at_fidelity_bound_is_the_fall_of_the_logarithm_of_the_bound(planned):
    env = TwoStageEdgeEnv("digits", fidelity="bound")
    _, info = env.reset(seed=0)
    final = play_as(np.float64, planned("digits", "joint"), load_scenario("digits")).final
    fall = np.log(info["gradient_norm_bound"] / final["gradient_norm_bound"])
    assert final["return"] == pytest.approx(fall)


def test_nothing_is_measured_where_nothing_is_trained(planned):
    final = play_plan(
        load_scenario("digits"), planned("digits", "joint"), seed=0, fidelity="bound"
    ).final
    assert not TRAINED & final.keys()


def test_training_adds_the_measured_figures_and_the_losses_of_every_round(tiny_scenario, tiny_plan):
    episode = play_plan(tiny_scenario, tiny_plan, seed=0, device="cpu")
    assert episode.final.keys() >= TRAINED
    assert np.isfinite([episode.final[key] for key in sorted(TRAINED)]).all()
    assert np.isfinite(episode.rounds["loss"]).all()
    assert_booked(episode, tiny_plan, tiny_scenario, rel=1e-5)


def test_an_episode_is_repeated_by_its_seed(tiny_scenario, tiny_plan):
    first, again, other = (
        play_plan(tiny_scenario, tiny_plan, seed=seed, device="cpu") for seed in (1, 1, 2)
    )
    assert first == again
    assert first.rounds["loss"] != other.rounds["loss"]


def test_a_diverged_episode_ends_with_its_code_and_measures_nothing(tiny_scenario, tiny_plan):
    wild = tiny_scenario.replace(learning_rate=1e6)
    final = play_plan(wild, tiny_plan, seed=0, device="cpu").final
    assert final["end_code"] == EndCode.DIVERGED
    assert final["is_success"] is False
    assert all(final[key] is None for key in TRAINED)


@pytest.mark.parametrize("scheme", baselines.SCHEMES)
def test_a_plan_for_ample_budgets_can_be_played(scheme):
    scenario = load_scenario("digits").replace(max_pretrain_rounds=20, max_finetune_rounds=20)
    plan = baselines.plan(scenario, scheme).plan
    assert_booked(play_as(np.float64, plan, scenario), plan, scenario, rel=1e-5)
