import json

import numpy as np
import pytest
from safetensors.torch import load_file
from stable_baselines3.common.vec_env import VecNormalize

from agents.loading import AgentRunsCode, load_archive, load_policy
from agents.saving import read_card
from agents.training import AGENT, make_envs, train_agent
from edgegym import InputError
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.runs.play import play


@pytest.fixture
def archived(agent):
    """Give an agent as the first release saved it, without weights."""
    (agent / "policy.safetensors").unlink()
    return agent


def load(agent, **changes):
    env = TwoStageEdgeEnv(**read_card(agent).env_arguments | changes)
    return load_policy(agent, env), env


def load_archived(agent):
    with pytest.warns(AgentRunsCode, match=r"Loading '.*agent\.zip' can run code"):
        return load(agent)


def test_an_agent_plays_the_same_whenever_it_is_loaded(agent):
    (first, env), (second, _) = load(agent), load(agent / "agent.zip")
    assert play(env, first, seed=3) == play(env, second, seed=3)


def test_its_weights_alone_play_as_the_archive_does(agent):
    policy, env = load(agent)
    played = play(env, policy, seed=3)
    for name in ("agent.zip", "vecnormalize.pkl"):
        (agent / name).write_bytes(b"nothing that loads")
    assert play(env, load(agent)[0], seed=3) == played
    (agent / "agent.zip").unlink()
    assert play(env, load(agent)[0], seed=3) == played


def test_an_agent_without_weights_plays_by_its_archive_with_a_warning(agent):
    policy, env = load(agent)
    played = play(env, policy, seed=3)
    (agent / "policy.safetensors").unlink()
    assert play(env, load_archived(agent)[0], seed=3) == played


@pytest.mark.parametrize("algo", ["sac", "td3", "tqc"])
def test_weights_hold_what_an_action_depends_on_and_no_more(make_card, tmp_path, algo):
    if algo == "tqc":
        pytest.importorskip("sb3_contrib")
    train_agent(make_card(algo, total_steps=64), tmp_path)
    policy, env = load(tmp_path / AGENT)
    model = load_archive(algo, tmp_path / AGENT / "agent.zip")
    observation, info = env.reset(seed=0)
    assert np.array_equal(
        policy(observation, info), model.predict(observation, None, None, True)[0]
    )
    tensors = load_file(tmp_path / AGENT / "policy.safetensors")
    assert all(name.startswith("actor.") for name in tensors)
    assert (tmp_path / AGENT / "policy.safetensors").stat().st_size < 100_000


def test_weights_of_another_agent_are_refused(agent):
    card = json.loads((agent / "agent.json").read_text())
    card["hyperparameters"]["policy_kwargs"] = "dict(net_arch=[7])"
    (agent / "agent.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=r"policy\.safetensors' must hold what the policy of its"):
        load(agent)


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


@pytest.mark.parametrize("keep", [0, 40, 0.5])
def test_damaged_weights_are_named_and_left_as_they_were(agent, keep):
    cut = cut_off(agent / "policy.safetensors", keep)
    with pytest.raises(InputError, match=r"agent file '.*policy\.safetensors' must be whole; got"):
        load(agent)
    assert (agent / "policy.safetensors").read_bytes() == cut


@pytest.mark.parametrize("name", ["agent.zip", "vecnormalize.pkl"])
@pytest.mark.parametrize("keep", [0, 40, 0.5])
def test_a_damaged_archive_is_named_and_left_as_it_was(archived, name, keep):
    cut = cut_off(archived / name, keep)
    with pytest.raises(InputError, match=rf"agent file '.*{name}' must be whole.*; got"):
        load_archived(archived)
    assert (archived / name).read_bytes() == cut


def cut_off(file, keep):
    whole = file.read_bytes()
    cut = whole[: keep if isinstance(keep, int) else int(keep * len(whole))]
    file.write_bytes(cut)
    return cut


def test_missing_statistics_are_named(archived):
    (archived / "vecnormalize.pkl").unlink()
    with pytest.raises(InputError, match=r"vecnormalize\.pkl"):
        load_archived(archived)


def test_an_agent_for_another_number_of_devices_is_refused(agent):
    card = read_card(agent)
    scenario = TwoStageEdgeEnv(**card.env_arguments).scenario.replace(n_devices=5)
    env = TwoStageEdgeEnv(scenario, fidelity="bound")
    with pytest.raises(InputError, match=r"made for the 5 devices of .*; got one for 3\. Train"):
        load_policy(agent, env)
