import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from agents.vec_env import NativeVecEnv, native_copies
from edgegym import load_scenario

SCENARIO = load_scenario("mnist").replace(
    channel_mode="per-episode", max_pretrain_rounds=8, max_finetune_rounds=8
)
ARGUMENTS = {"scenario": SCENARIO, "fidelity": "bound", "budgets": "soft"}


def native(num_envs=4, **arguments):
    return NativeVecEnv(num_envs, **ARGUMENTS | arguments)


def dummy(num_envs=4, **arguments):
    make = lambda: gym.make("TwoStageEdge-v0", **ARGUMENTS | arguments)  # noqa: E731
    return DummyVecEnv([make] * num_envs)


def random_actions(n_steps, num_envs=4):
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (n_steps, num_envs, 12)).astype(np.float32)
    actions[..., 0] = np.where(rng.random(actions.shape[:2]) < 0.1, 1, -1)
    return actions


@pytest.mark.parametrize("limit", [None, 5])
def test_it_shows_what_a_dummy_of_scalar_environments_shows(limit):
    ours, theirs = native(max_episode_steps=limit), dummy(max_episode_steps=limit)
    ours.seed(3), theirs.seed(3)
    assert np.array_equal(ours.reset(), theirs.reset())
    assert ours.reset_infos == theirs.reset_infos
    n_ended = n_truncated = 0
    for actions in random_actions(60):
        observations, rewards, dones, infos = ours.step(actions)
        expected = theirs.step(actions)
        for got, wanted in zip((observations, rewards, dones), expected[:3], strict=True):
            assert np.array_equal(got, wanted) and got.dtype == wanted.dtype
        for done, info, full in zip(dones, infos, expected[3], strict=True):
            if done:
                assert np.array_equal(
                    info.pop("terminal_observation"), full.pop("terminal_observation")
                )
                assert info == full
                assert all(type(info[key]) is type(full[key]) for key in full)
                n_truncated += info["TimeLimit.truncated"]
            else:
                assert info == {key: full[key] for key in full if key.startswith("cost")}
        n_ended += dones.sum()
    assert n_ended > 8
    assert bool(n_truncated) == (limit is not None)


def test_the_same_seed_gives_the_same_episodes_and_is_used_once():
    ours = native()
    ours.seed(5)
    first = ours.reset()
    assert not np.array_equal(ours.reset(), first)
    assert ours.seed(5) == [5, 6, 7, 8]
    assert np.array_equal(ours.reset(), first)


def test_ppo_learns_on_it_through_a_monitor_and_a_normaliser():
    envs = VecNormalize(VecMonitor(native(16, rounds_per_step=2), info_keywords=("is_success",)))
    model = PPO("MlpPolicy", envs, n_steps=32, batch_size=128, n_epochs=2, seed=0, device="cpu")
    model.learn(2048)
    episode = model.ep_info_buffer[-1]
    assert episode.keys() == {"r", "l", "t", "is_success"}
    assert len(model.ep_success_buffer) > 0
    means, _ = evaluate_policy(model, VecMonitor(native(4)), n_eval_episodes=8)
    assert np.isfinite(means)


def test_attributes_and_methods_are_shared_by_all_copies():
    ours = native(3)
    assert ours.get_attr("scenario") == [SCENARIO] * 3
    assert ours.get_attr("render_mode", indices=1) == [None]
    assert ours.has_attr("reward") and not ours.has_attr("colour")
    ours.set_attr("note", "kept")
    assert ours.get_attr("note", indices=[0, 2]) == ["kept", "kept"]
    assert ours.env_method("reset", seed=1, indices=[0])[0][0].shape == (3, 17)
    assert ours.env_is_wrapped(Monitor) == [False] * 3
    with pytest.raises(ValueError, match=r"indices must name all copies.*; got \[0\]"):
        ours.set_attr("note", "changed", indices=[0])
    assert ours.get_attr("note") == ["kept"] * 3
    ours.close()


def test_options_reach_the_environment_which_knows_none():
    ours = native()
    ours.set_options({"colour": 1})
    with pytest.raises(ValueError, match=r"option of reset must be .*; got 'colour'"):
        ours.reset()


def test_real_training_is_refused():
    with pytest.raises(ValueError, match="fidelity must be 'bound' or 'curve'"):
        NativeVecEnv(2, device="cpu")


@pytest.mark.parametrize("fidelity", ["bound", "curve"])
def test_native_copies_do_as_the_scalar_ones_whose_place_they_take(fidelity):
    setting = {"scenario": "digits-per-round", "fidelity": fidelity, "rounds_per_step": 4}
    copies, theirs = dummy(**setting), dummy(**setting)
    copies.seed(7), theirs.seed(7)
    ours = native_copies(copies)
    assert np.array_equal(ours.reset(), theirs.reset())
    n_ended = 0
    for actions in random_actions(40):
        observations, rewards, dones, _ = ours.step(actions)
        expected = theirs.step(actions)
        assert np.array_equal(observations, expected[0]) and np.array_equal(dones, expected[2])
        assert rewards == pytest.approx(expected[1], rel=1e-6)
        n_ended += dones.sum()
    assert n_ended > 2
