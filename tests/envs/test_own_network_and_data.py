import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

import edgegym  # noqa: F401
from edgegym import InputError, load_scenario
from edgegym.learning.centralized import Samples
from edgegym.learning.datasets import TaskData
from edgegym.learning.learner import Learner

COUNTS = {"server": 40, "device": 30, "validation": 10, "test": 20}
SCENARIO = load_scenario("digits").replace(
    **{f"learning.n_{part}_samples": count for part, count in COUNTS.items()},
    **{"learning.finetune_rotation_deg": 0.0, "learning.validation_interval": 2},
)


def factory(shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), n_classes))


@pytest.fixture
def arrays():
    labels = np.random.default_rng(0).integers(3, size=100)
    return np.eye(4, dtype=np.float32)[labels], labels


def make(**arguments):
    return gym.make("TwoStageEdge-v0", scenario=SCENARIO, **arguments).unwrapped


def learner_of(env):
    env.reset(seed=1)
    env.step(np.zeros(env.action_space.shape))
    return env.learner.learners[0]


def test_a_factory_and_arrays_are_trained_in_place_of_the_scenarios(arrays):
    learner = learner_of(make(network=factory, data=arrays))
    assert learner.data.sample_shape == (4,) and learner.data.n_classes == 3
    assert [len(held) for held in (learner.data.server, *learner.data.devices)] == [40, 10, 10, 10]
    assert isinstance(learner.network, nn.Sequential)


@pytest.mark.usefixtures("on_the_cpu")
def test_a_module_begins_every_episode_with_its_own_weights(arrays):
    module = factory((4,), 3)
    env, before = make(network=module, data=arrays), module[1].weight.clone()
    for seed in (1, 2):
        env.reset(seed=seed)
        assert torch.equal(env.learner.learners[0].network[1].weight, before)
        env.step(np.zeros(env.action_space.shape))
        assert not torch.equal(env.learner.learners[0].network[1].weight, before)
    assert torch.equal(module[1].weight, before)


@pytest.mark.usefixtures("on_the_cpu")
def test_data_are_shared_out_once_for_all_episodes(arrays):
    env = make(network=factory, data=arrays)
    first, second = learner_of(env).data, learner_of(env).data
    assert first.pool.images.data_ptr() == second.pool.images.data_ptr()


def test_task_data_are_taken_as_they_are_shared():
    parts = [Samples(torch.zeros(8 + k, 1, 28, 28), torch.arange(8 + k) % 10) for k in range(4)]
    data = TaskData.of(parts[0], [parts[1]] * 3, *parts[2:])
    assert learner_of(make(data=data)).data.n_samples == (8, 9, 9, 9)


def test_the_learner_of_a_factory_is_that_of_the_environment(arrays):
    learner = Learner(SCENARIO, 3, "cpu", data=arrays, network=factory)
    again = Learner(SCENARIO, 3, "cpu", data=learner.data, network=factory)
    assert learner.pretrain(0, 8) == again.pretrain(0, 8)


@pytest.mark.parametrize("key", ["network", "data"])
def test_where_nothing_is_trained_they_are_refused(key):
    with pytest.raises(InputError, match=f"^{key} must be left out at fidelity 'bound', .*; got"):
        make(fidelity="bound", **{key: factory})


def test_a_system_with_a_network_of_its_own_refuses_another():
    with pytest.raises(InputError, match="network must be left out for scenario 'partitioned-digi"):
        gym.make("PartitionedEdge-v0", network=factory).reset()


def test_a_network_that_does_not_take_the_data_is_refused_by_its_name(arrays):
    with pytest.raises(InputError, match=r"take samples of 4; got 'Conv2d', which raises"):
        make(network=nn.Conv2d(1, 1, 3), data=arrays).reset()
