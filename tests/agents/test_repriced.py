import numpy as np
import pytest
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize
from strategies import TINY_SCENARIO

from agents.lagrangian import Lagrangian
from agents.repriced import RepricedReplayBuffer
from agents.vec_env import NativeVecEnv
from edgegym import load_scenario

TINY = load_scenario("digits").replace(**TINY_SCENARIO)


def train(algorithm, normalised, n_steps=1):
    inner = VecMonitor(NativeVecEnv(2, scenario=TINY, fidelity="bound", budgets="soft"))
    envs = Lagrangian(inner, learning_rate=0.1)
    buffer = {"lagrangian": envs, "gamma": 0.9, "n_steps": n_steps}
    model = algorithm(
        "MlpPolicy",
        VecNormalize(envs, norm_obs=False) if normalised else envs,
        gamma=0.9,
        seed=0,
        learning_starts=20,
        batch_size=16,
        buffer_size=300,  # so that it goes round
        device="cpu",
        replay_buffer_class=RepricedReplayBuffer,
        replay_buffer_kwargs=buffer,
        policy_kwargs={"net_arch": [8]},
    )
    model.learn(400)
    return model, envs


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("algorithm", [SAC, TD3])
def test_every_replayed_reward_is_at_the_prices_of_today(algorithm, normalised):
    model, envs = train(algorithm, normalised)
    buffer = model.replay_buffer
    assert envs.multipliers.max() > 0.1 and buffer.full
    for prices in (envs.multipliers, np.array([1.0, 2.0, 3.0]), np.zeros(3)):
        envs.multipliers = prices
        sampled = buffer.sample(64).rewards.numpy()
        today = buffer._unpriced - buffer._costs @ prices
        assert np.allclose(buffer.rewards, today)
        assert np.isin(sampled, buffer.rewards).all()
    assert buffer.rewards.max() > 0 and buffer._costs.max() > 0


def test_returns_of_several_steps_are_repriced_as_well():
    model, envs = train(SAC, normalised=False, n_steps=3)
    envs.multipliers = np.zeros(3)
    free = model.replay_buffer.sample(256).rewards.mean()
    envs.multipliers = np.full(3, 50.0)
    assert model.replay_buffer.sample(256).rewards.mean() < free - 1
    assert np.isclose(model.replay_buffer.sample(256).discounts.max(), 0.9)
