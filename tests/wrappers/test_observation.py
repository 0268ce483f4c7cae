import gymnasium as gym
import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.wrappers import NamedObservation


def make(**kwargs):
    return gym.make("TwoStageEdge-v0", **{"scenario": "mnist", "fidelity": "bound"} | kwargs)


def test_every_entry_is_there_under_its_name():
    env = NamedObservation(make())
    observation, _ = env.reset(seed=0)
    env.step(np.ones(12))
    observation, *_ = env.step(np.zeros(12))
    codec, rules = env.unwrapped.observation_codec, env.unwrapped.rules
    (flat,) = codec.encode(rules.show(env.unwrapped._state))
    for name, value in codec.named(flat).items():
        key, _, k = name.rpartition("_")
        found = observation[key][int(k)] if k.isdigit() else observation[name].item()
        assert found == np.float32(value)
    assert sum(value.size for value in observation.values()) == flat.size


@pytest.mark.parametrize("n_devices", [1, 3, 12])
def test_per_device_entries_are_joined_in_order(n_devices):
    scenario = load_scenario("mnist").replace(n_devices=n_devices, channel_mode="per-round")
    env = NamedObservation(make(scenario=scenario))
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    for key in ("mean_tx_power_share", "uplink_gain_log", "downlink_gain_log"):
        assert observation[key].shape == (n_devices,)
    assert observation["loss_log"].shape == (1,)
    decibels = np.log10(env.unwrapped.state.draw.uplink_gain / scenario.mean_path_gain)
    assert observation["uplink_gain_log"] == pytest.approx((decibels + 4) / 3 - 1, rel=1e-5)


def test_ppo_learns_a_few_steps_with_a_policy_of_many_inputs():
    sb3 = pytest.importorskip("stable_baselines3")
    env = NamedObservation(make())
    agent = sb3.PPO("MultiInputPolicy", env, n_steps=16, batch_size=8, device="cpu", seed=0)
    agent.learn(32)
    assert env.action_space.contains(agent.predict(env.reset(seed=0)[0])[0])
