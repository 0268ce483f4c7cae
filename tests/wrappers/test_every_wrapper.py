import warnings

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from edgegym import wrappers
from edgegym.wrappers import (
    DiscreteAction,
    FixedPenalty,
    FrozenPart,
    NamedObservation,
    SafetyStep,
    SIAction,
    VectorReward,
)

ARGUMENTS = {
    SIAction: {},
    DiscreteAction: {"levels": 3},
    NamedObservation: {},
    SafetyStep: {},
    VectorReward: {},
    FixedPenalty: {"coefficient": 2.0},
    FrozenPart: {"part": "server_batch_size", "value": 8},
}


def make(wrapper, **kwargs):
    env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", budgets="soft", **kwargs)
    return wrapper(env, **ARGUMENTS[wrapper])


def test_the_list_is_whole():
    assert {wrapper.__name__ for wrapper in ARGUMENTS} == set(wrappers.__all__)


@pytest.mark.parametrize("wrapper", ARGUMENTS)
def test_a_spec_with_a_wrapper_survives_json(wrapper):
    env = make(wrapper)
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert type(again) is wrapper
    assert again.spec == env.spec
    for each in (env, again):
        each.action_space.seed(1)
        each.reset(seed=1)
    action = env.action_space.sample()
    assert str(env.step(action)) == str(again.step(action))


@pytest.mark.parametrize("wrapper", [SIAction, DiscreteAction, NamedObservation, FixedPenalty])
def test_gymnasiums_checker_passes_with_warnings_as_errors(wrapper):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The checker would rather see the environment without a wrapper.
        warnings.filterwarnings("ignore", ".*is different from the unwrapped version")
        if wrapper is SIAction:
            # It takes boxes for what a network puts out; these are for people.
            warnings.filterwarnings("ignore", ".*we recommend using a symmetric and normalized")
        check_env(make(wrapper))


@pytest.mark.parametrize("wrapper", [DiscreteAction, NamedObservation, FixedPenalty])
def test_the_checker_of_stable_baselines_passes_with_warnings_as_errors(wrapper):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env_for_sb3(make(wrapper))


@pytest.mark.parametrize("wrapper", ARGUMENTS)
def test_a_step_before_the_first_reset_asks_for_one(wrapper):
    env = make(wrapper)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("wrapper", ARGUMENTS)
def test_a_snapshot_taken_beneath_a_wrapper_brings_the_same_steps(wrapper):
    env = make(wrapper)
    env.action_space.seed(3)
    env.reset(seed=3)
    env.step(env.action_space.sample())
    snapshot, action = env.unwrapped.snapshot(), env.action_space.sample()
    first = env.step(action)
    env.reset(seed=4)
    env.unwrapped.restore(snapshot)
    assert str(env.step(action)) == str(first)
