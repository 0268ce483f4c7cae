import pickle

import numpy as np
import pytest
from scipy import stats

from edgegym import load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.lifecycle.state import EndCode
from edgegym.runs.play import Episode, play, play_anew, play_plan
from edgegym.runs.players import RANDOM, plan_contender, policy_contender, random_policy
from edgegym.systems.two_stage.decision import Stage


def steady(env):
    """Make a policy that repeats one action up to 25 pre-training rounds, then another."""

    def act(observation, info):
        action = np.full(env.action_space.shape, -0.5)
        if info["stage"] == Stage.PRETRAIN and info["round"] >= 25:
            action[0] = 1.0
        return action

    return act


def random_actions(seed, n_episodes=1):
    env = TwoStageEdgeEnv("mnist", fidelity="bound")
    policy, actions = random_policy(env), []
    for number in range(n_episodes):
        last, ended = env.reset(seed=seed + number), False
        while not ended:
            actions.append(policy(*last))
            observation, _, ended, _, info = env.step(actions[-1])
            last = observation, info
    return np.array(actions)


def test_a_plan_contender_plays_as_its_plan_does(tiny_scenario, tiny_plan):
    contender = plan_contender("mine", tiny_plan)
    played = play_anew(tiny_scenario, contender.make_policy, 3, fidelity="bound")
    assert played == play_plan(tiny_scenario, tiny_plan, 3, fidelity="bound")


def test_contenders_reach_other_processes(tiny_scenario, tiny_plan):
    for contender in (plan_contender("mine", tiny_plan), policy_contender(RANDOM)):
        copy = pickle.loads(pickle.dumps(contender))
        assert copy.digest == contender.digest
        first, again = (
            play_anew(tiny_scenario, who.make_policy, 0, fidelity="bound")
            for who in (contender, copy)
        )
        assert first == again


def test_plans_that_differ_have_different_digests(tiny_plan, planned):
    other = planned("digits", "fixed-batch")
    assert plan_contender("a", tiny_plan).digest != plan_contender("a", other).digest


def test_the_random_policy_is_repeated_by_the_seed_of_the_episode():
    first, again, other = (random_actions(seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert first[0].tolist() != other[0].tolist()


def test_the_random_policy_draws_evenly_and_anew_at_every_step():
    actions = random_actions(0, n_episodes=100)
    assert len(np.unique(actions[:, 1])) == len(actions)
    assert np.mean(actions[:, 0] > 0.5) == pytest.approx(0.25, abs=0.05)
    assert stats.kstest(actions.ravel(), stats.uniform(-1, 2).cdf).pvalue > 0.01


@pytest.mark.parametrize("rounds_per_step", [1, 10])
def test_every_step_leaves_a_row_that_names_its_last_round(rounds_per_step):
    episode = play_anew(
        load_scenario("digits"), steady, 0, fidelity="bound", rounds_per_step=rounds_per_step
    )
    rounds, final = episode.rounds, episode.final
    step = rounds_per_step
    n_pretrain = 25 if step == 1 else 30
    expected = [*range(step - 1, n_pretrain, step)]
    assert rounds["round"][: n_pretrain // step] == expected
    assert rounds["stage"][: n_pretrain // step] == [Stage.PRETRAIN] * (n_pretrain // step)
    assert final["n_pretrain_rounds"] == n_pretrain
    assert rounds["round"][-1] == final["n_finetune_rounds"] - 1
    assert rounds["delay_s"][-1] == final["total_delay_s"]


def test_rounds_that_a_step_cannot_run_to_its_end_are_counted():
    scenario = load_scenario("digits").replace(max_pretrain_rounds=7, max_finetune_rounds=12)
    episode = play_anew(scenario, steady, 0, fidelity="bound", rounds_per_step=5)
    assert episode.rounds["stage"] == [0, 0, 1, 1, 1]
    assert episode.rounds["round"] == [4, 6, 4, 9, 11]
    assert episode.final["end_code"] == EndCode.ROUND_LIMIT


def test_an_episode_holds_its_cost_and_its_last_accuracy():
    env = TwoStageEdgeEnv("digits", fidelity="bound", budgets="soft")
    final = play(env, lambda observation, info: np.ones(12) - 2 * np.eye(12)[0], 0).final
    excess = env.state.excess
    assert final["cost"] == pytest.approx(sum(excess))
    assert excess[1] > 0
    assert final["validation_accuracy"] == 0.0
    assert final["is_success"] is False


def test_an_episode_of_the_first_release_is_read(tiny_scenario, tiny_plan):
    episode = play_plan(tiny_scenario, tiny_plan, 0, fidelity="bound").model_dump()
    del episode["final"]["cost"], episode["final"]["validation_accuracy"]
    assert Episode.model_validate(episode).final["end_code"]


def test_training_at_curve_measures_the_validation_set_alone():
    env = TwoStageEdgeEnv("digits", fidelity="curve")
    final = play(env, random_policy(env), 0).final
    assert final["validation_loss"] > 0
    assert "test_loss" not in final
