import shutil

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecNormalize

from agents.saving import (
    AgentRunsCode,
    agent_digest,
    find_archive,
    load_archive,
    load_policy,
    read_card,
)
from agents.training import AGENT, make_envs, train_agent
from edgegym import InputError
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.runs.play import play


@pytest.fixture(scope="module")
def trained(make_card, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train_agent(make_card(total_steps=128), folder)
    return folder / AGENT


@pytest.fixture
def agent(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "agent")
    return tmp_path / "agent"


def load(agent, **changes):
    env = TwoStageEdgeEnv(**read_card(agent).env_arguments | changes)
    with pytest.warns(AgentRunsCode, match=r"Loading '.*agent\.zip' can run code"):
        return load_policy(agent, env), env


def test_an_agent_plays_the_same_whenever_it_is_loaded(agent):
    (first, env), (second, _) = load(agent), load(agent / "agent.zip")
    assert play(env, first, seed=3) == play(env, second, seed=3)


def test_the_observations_are_normalised_as_in_training(make_card, tmp_path):
    card = make_card(total_steps=128)
    tuned = card.hyperparameters | {"normalize": "{'norm_obs': True, 'norm_reward': False}"}
    train_agent(card.model_copy(update={"hyperparameters": tuned}), tmp_path)
    policy, env = load(tmp_path / AGENT)
    observation, info = env.reset(seed=0)
    seen = VecNormalize.load(str(tmp_path / AGENT / "vecnormalize.pkl"), make_envs(card))
    model = load_archive("ppo", tmp_path / AGENT / "agent.zip")
    expected, _ = model.predict(seen.normalize_obs(observation), deterministic=True)
    assert np.array_equal(policy(observation, info), expected)
    assert not np.array_equal(policy(seen.normalize_obs(observation), info), expected)


def test_a_digest_names_what_is_in_the_files(agent, trained):
    assert agent_digest(agent) == agent_digest(trained) == agent_digest(agent / "agent.zip")
    (agent / "agent.json").write_text("{}")
    assert agent_digest(agent) != agent_digest(trained)


def test_a_missing_agent_is_named(tmp_path):
    with pytest.raises(InputError, match=r"agent must be an agent\.zip .*; got '.*nowhere'"):
        find_archive(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"agent must be an agent\.zip"):
        find_archive(tmp_path)


def test_an_agent_without_its_card_is_refused(agent):
    (agent / "agent.json").unlink()
    with pytest.raises(InputError, match=r"agent\.json"):
        read_card(agent)


@pytest.mark.parametrize("name", ["agent.zip", "vecnormalize.pkl"])
@pytest.mark.parametrize("keep", [0, 40, 0.5])
def test_a_damaged_file_is_named_and_left_as_it_was(agent, name, keep):
    env = TwoStageEdgeEnv(**read_card(agent).env_arguments)
    whole = (agent / name).read_bytes()
    cut = whole[: keep if isinstance(keep, int) else int(keep * len(whole))]
    (agent / name).write_bytes(cut)
    with (
        pytest.warns(AgentRunsCode),
        pytest.raises(InputError, match=rf"agent file '.*{name}' must be whole.*; got"),
    ):
        load_policy(agent, env)
    assert (agent / name).read_bytes() == cut


def test_missing_statistics_are_named(agent):
    (agent / "vecnormalize.pkl").unlink()
    env = TwoStageEdgeEnv(**read_card(agent).env_arguments)
    with pytest.warns(AgentRunsCode), pytest.raises(InputError, match=r"vecnormalize\.pkl"):
        load_policy(agent, env)


def test_an_agent_for_another_number_of_devices_is_refused(agent):
    card = read_card(agent)
    scenario = TwoStageEdgeEnv(**card.env_arguments).scenario.replace(n_devices=5)
    env = TwoStageEdgeEnv(scenario, fidelity="bound")
    with pytest.raises(InputError, match=r"made for the 5 devices of .*; got one for 3\. Train"):
        load_policy(agent, env)
