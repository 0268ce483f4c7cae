import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from edgegym import load_scenario
from edgegym.envs.emulated import EmulatedLearner
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.systems.two_stage.emulator import load_emulator


def run(env, n_rounds, seed=0):
    action = np.zeros(env.action_space.shape)
    env.reset(seed=seed)
    return [env.step(action)[4] for _ in range(n_rounds)]


def test_both_checkers_pass_at_fidelity_curve():
    for checker in (check_env, check_env_for_sb3):
        checker(gym.make("TwoStageEdge-v0", fidelity="curve").unwrapped)


def test_the_environment_shows_what_the_emulator_says():
    scenario = load_scenario("digits").replace(**{"learning.validation_interval": 1})
    env = TwoStageEdgeEnv(scenario, fidelity="curve")
    infos = run(env, 5)
    learner = EmulatedLearner(load_emulator(scenario), env.episode_seed)
    batch = env.action_codec.decode(np.zeros(12)).server_batch_size
    for number, info in enumerate(infos):
        assert info["loss"] == learner.pretrain(number, batch)
        assert (info["validation_loss"], info["validation_accuracy"]) == learner.validation()


def test_fine_tuning_takes_over_where_pre_training_ended():
    learner = EmulatedLearner(load_emulator(load_scenario("digits")), seed=3)
    for number in range(200):
        learner.pretrain(number, 20)
    before = learner.validation()[0]
    assert learner.finetune(0, np.full(3, 10)) == pytest.approx(before)
    assert learner.validation()[0] < before


def test_lucks_differ_between_seeds_and_not_between_policies():
    envs = [TwoStageEdgeEnv("mnist", fidelity="curve", reward="loss") for _ in range(3)]
    losses = [
        run(env, 1, seed)[0]["validation_loss"] for env, seed in zip(envs, (0, 0, 1), strict=True)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_it_can_go_back_to_a_state():
    learner = EmulatedLearner(load_emulator(load_scenario("digits")), seed=0)
    state = learner.state()
    first = [learner.pretrain(0, 8), learner.finetune(0, np.full(3, 4)), *learner.validation()]
    learner.load_state(state)
    again = [learner.pretrain(0, 8), learner.finetune(0, np.full(3, 4)), *learner.validation()]
    assert first == again


def test_a_scenario_without_an_emulator_is_refused():
    with pytest.raises(ValueError, match="fidelity 'curve' must have an emulator"):
        gym.make("TwoStageEdge-v0", scenario="cinic10-cifar10", fidelity="curve")


@pytest.mark.parametrize(
    ("finetunes", "batch"),
    [
        (False, 0.0),  # a round more than a tenth beyond what was recorded
        (True, -1.0),  # 3 samples; 4 were recorded
        (True, 1.0),  # 192; 146 were recorded
    ],
)
def test_an_episode_that_leaves_what_was_recorded_is_warned_of_once(finetunes, batch):
    scenario = load_scenario("digits").replace(max_pretrain_rounds=400)
    env = TwoStageEdgeEnv(scenario, fidelity="curve", budgets="soft")
    env.reset(seed=0)
    for _ in range(328):
        env.step(np.zeros(12))
    extreme = np.concatenate([[-1.0, 0.0, 0.0], np.full(3, batch), np.zeros(6)])
    if finetunes:
        env.step(np.ones(12))
    with pytest.warns(
        UserWarning, match="The emulator was fitted on up to 299 .* extrapolated"
    ) as seen:
        for _ in range(3):
            env.step(extreme)
        env.reset(seed=1)
        for _ in range(2):
            env.step(extreme)
    assert len(seen) == 1
