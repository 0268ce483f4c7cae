import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from edgegym import load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.emulated import EmulatedLearner
from edgegym.systems.two_stage.emulator_file import load_emulator


def run(env, n_rounds, seed=0):
    action = np.zeros(env.action_space.shape)
    env.reset(seed=seed)
    return [env.step(action)[4] for _ in range(n_rounds)]


def make_learner(seeds=(0,), scenario="digits"):
    learner = EmulatedLearner(load_emulator(load_scenario(scenario)), len(seeds), interval=1)
    learner.begin(range(len(seeds)), seeds)
    return learner


def train(learner, stage, batch, running=(True,)):
    """Run a round of a stage in the running copies; the loss of every copy before it."""
    n = len(running)
    device_batches = np.full((n, 3), batch)
    decision = Decision([False] * n, np.full(n, batch), *[None] * 4)._replace(
        finetune_batch_size=device_batches
    )
    stages, rounds = np.broadcast_to(np.asarray(stage), n), np.zeros(n, dtype=int)
    return learner.train(stages, rounds, decision, np.array(running))


def test_both_checkers_pass_at_fidelity_curve():
    for checker in (check_env, check_env_for_sb3):
        checker(gym.make("TwoStageEdge-v0", fidelity="curve").unwrapped)


def test_the_environment_shows_what_the_emulator_says():
    scenario = load_scenario("digits").replace(**{"learning.validation_interval": 1})
    env = TwoStageEdgeEnv(scenario, fidelity="curve")
    infos = run(env, 5)
    learner = make_learner([env.episode_seed])
    batch = env.action_codec.decode(np.zeros(12)).server_batch_size
    for info in infos:
        assert info["loss"] == train(learner, Stage.PRETRAIN, batch)[0]
        loss, accuracy = learner.validate([0])
        assert (info["validation_loss"], info["validation_accuracy"]) == (loss[0], accuracy[0])


def test_fine_tuning_takes_over_where_pre_training_ended():
    learner = make_learner([3])
    for _ in range(200):
        train(learner, Stage.PRETRAIN, 20)
    before = learner.validate([0])[0]
    assert train(learner, Stage.FINETUNE, 10) == pytest.approx(before)
    assert learner.validate([0])[0] < before


def test_every_copy_is_trained_as_if_it_were_alone():
    rng = np.random.default_rng(0)
    seeds = [3, 4, 5]
    together, alone = make_learner(seeds), [make_learner([seed]) for seed in seeds]
    stage = np.zeros(3, dtype=int)
    for _ in range(40):
        stage = np.maximum(stage, rng.random(3) < 0.1)
        running = rng.random(3) < 0.7
        losses = train(together, stage, 12, running)
        for copy in np.flatnonzero(running):
            assert losses[copy] == train(alone[copy], stage[copy], 12)[0]
        shown = np.array(together.validate([0, 1, 2]))
        assert np.array_equal(shown, np.hstack([each.validate([0]) for each in alone]))


def test_beginning_in_one_copy_leaves_the_others_alone():
    learner, fresh = make_learner([1, 2]), make_learner([9])
    for stage in (Stage.PRETRAIN, Stage.FINETUNE):
        train(learner, stage, 12, (True, True))
    before = learner.validate([0])
    learner.begin([1], [9])
    assert learner.validate([0]) == before
    assert learner.validate([1]) == fresh.validate([0])


def test_lucks_differ_between_seeds_and_not_between_policies():
    envs = [TwoStageEdgeEnv("mnist", fidelity="curve", reward="loss") for _ in range(3)]
    losses = [
        run(env, 1, seed)[0]["validation_loss"] for env, seed in zip(envs, (0, 0, 1), strict=True)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_it_can_go_back_to_a_state():
    learner = make_learner()

    def go_on():
        losses = [train(learner, stage, 8) for stage in (Stage.PRETRAIN, Stage.FINETUNE)]
        return [*losses, *learner.validate([0])]

    snapshot = learner.snapshot()
    first = go_on()
    for _ in range(2):
        learner.restore(snapshot)
        assert go_on() == first


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
