"""From training a shared policy to playing it on another number of devices."""

import warnings

import numpy as np
import pytest

from agents.beginning import make_cards
from agents.loading import load_policy
from agents.saving import read_card, runs_code
from agents.training import AGENT, train_agent
from edgegym import InputError, load_scenario
from edgegym.envs.env import EdgeEnv
from edgegym.runs.play import play

QUICK = """
TwoStageEdge-v0: {policy: shared, n_envs: 8, n_timesteps: 128, n_steps: 8, batch_size: 32,
                  n_epochs: 1, learning_rate: 0.001, normalize: true,
                  policy_kwargs: "dict(width=8)"}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "quick.yml").write_text(QUICK)
    (card,) = make_cards(
        load_scenario("digits"),
        "ppo",
        [0],
        n_devices=(2, 5),
        rounds_per_step=50,
        hyperparameters=folder / "quick.yml",
    )
    train_agent(card, folder / "run")
    return folder / "run" / AGENT


def env_of(n_devices):
    scenario = load_scenario("digits-100").replace(n_devices=n_devices)
    return EdgeEnv(scenario, fidelity="bound", rounds_per_step=50)


def test_a_card_says_which_devices_it_was_trained_on(trained):
    card = read_card(trained)
    assert (card.n_devices, card.fidelity, card.reward) == ((2, 5), "bound", "bound")
    assert card.hyperparameters["policy_kwargs"]["sizes"] == [46, 18, 3, 3]
    # What is normal at one device would not be at another.
    assert card.hyperparameters["normalize"] == "{'norm_obs': False}"


@pytest.mark.parametrize("n_devices", [1, 3, 20])
def test_weights_that_run_no_code_play_on_any_number_of_devices(trained, n_devices):
    assert not runs_code(trained)
    env = env_of(n_devices)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy = load_policy(trained, env)
    assert play(env, policy, 0).final["n_pretrain_rounds"] > 0


def test_an_archive_plays_as_its_weights_do(trained, tmp_path):
    env = env_of(7)
    weights = load_policy(trained, env)
    for name in ("agent.zip", "agent.json", "vecnormalize.pkl"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    with pytest.warns(UserWarning, match="can run code"):
        archive = load_policy(tmp_path, env)
    last = env.reset(seed=0)
    assert np.allclose(weights(*last), archive(*last))


@pytest.mark.parametrize(
    ("algo", "fidelity", "said"),
    [
        ("sac", None, r"algo must be ppo where devices share .* got 'sac'"),
        ("ppo", "train", r"fidelity must be bound or curve where devices share .* got 'train'"),
    ],
)
def test_only_ppo_is_trained_so_and_nothing_inside(algo, fidelity, said):
    with pytest.raises(InputError, match=said):
        make_cards(load_scenario("digits"), algo, [0], fidelity=fidelity, n_devices=(2, 5))


def test_what_is_shipped_for_it_is_of_a_shared_policy():
    (card,) = make_cards(load_scenario("digits"), "ppo", [0], n_devices=(3, 10))
    assert card.hyperparameters["policy"] == "shared"
