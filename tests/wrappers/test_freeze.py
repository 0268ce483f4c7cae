import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_checker import check_env

import baselines
from edgegym import InputError, load_scenario
from edgegym.wrappers import FrozenPart

SCENARIO = load_scenario("partitioned-digits")


def frozen(part, value=None, **kwargs):
    return FrozenPart(gym.make("PartitionedEdge-v0", fidelity="bound", **kwargs), part, value)


@pytest.mark.parametrize(("part", "left"), [("block_size", 10), ("bandwidth_share", 5)])
def test_what_is_left_is_the_action_space(part, left):
    env = frozen(part)
    check_env(env)
    assert env.action_space.shape == (left,)


def test_frozen_equal_parts_and_a_plan_of_the_rest_cost_what_the_one_sided_plan_does():
    for scheme, part in (("bapa", "bandwidth_share"), ("paba", "block_size")):
        result = baselines.plan(SCENARIO, scheme)
        env = frozen(part)
        env.reset(seed=0)
        codec = env.unwrapped.action_codec
        whole = codec.encode(result.plan.decision(env.unwrapped.state))
        action = np.delete(whole, np.arange(codec.size)[codec.entries(part)])
        info = env.step(action)[4]
        assert info["delay_s"] == pytest.approx(result.value, rel=1e-9)


def test_a_part_is_frozen_at_a_value_in_its_unit():
    blocks = [1000, 2000, 3000, 1000, 850]
    env = frozen("block_size", blocks)
    env.reset(seed=0)
    decision = env.unwrapped.action_codec.decode(env.action(np.zeros(10)))
    assert decision.block_size.tolist() == blocks
    assert decision.bandwidth_share == pytest.approx(np.full(10, 0.1))


def test_of_two_stages_a_scalar_part_is_frozen():
    env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound")
    env = FrozenPart(env, "server_batch_size", 32)
    env.reset(seed=0)
    action = env.action(np.full(11, -1.0))
    assert env.unwrapped.action_codec.decode(action).server_batch_size == 32


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("blocks", None, r"part of the action must be one of block_size, bandwidth_share; .*Did"),
        ("block_size", [1, 2], "value must hold 5 numbers for block_size; got 2"),
        ("block_size", [0] * 5, "block_size must hold something above 0"),
    ],
)
def test_what_cannot_be_frozen_is_named(part, value, message):
    with pytest.raises(InputError, match=message):
        frozen(part, value)


def test_an_action_with_the_frozen_part_in_it_is_refused():
    env = frozen("block_size")
    env.reset(seed=0)
    with pytest.raises(InputError, match=r"action must have shape \(10,\); got shape \(15,\)"):
        env.step(np.zeros(15))
