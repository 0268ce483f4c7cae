import shutil

import pytest
import torch
from strategies import TINY_SCENARIO

from agents.card import AgentCard
from agents.hyperparameters import load_hyperparameters
from agents.training import AGENT, train_agent
from edgegym import load_scenario

torch.set_num_threads(1)

#: Few steps between two updates, and few episodes until a checkpoint.
QUICK = {
    "ppo": {"n_envs": 4, "n_steps": 16, "batch_size": 32, "n_epochs": 1},
    "sac": {"n_envs": 2, "learning_starts": 20, "batch_size": 16, "buffer_size": 500},
    "td3": {"n_envs": 2, "learning_starts": 20, "batch_size": 16, "buffer_size": 500},
    "tqc": {"n_envs": 2, "learning_starts": 20, "batch_size": 16, "buffer_size": 500},
}


@pytest.fixture(scope="session")
def make_card():
    """Make the card of a quick training, at fidelity bound of a tiny scenario."""

    def make(algo="ppo", total_steps=640, **changes):
        scenario = load_scenario("digits").replace(**TINY_SCENARIO)
        card = {
            "algo": algo,
            "scenario": scenario.model_dump(mode="json"),
            "fidelity": "bound",
            "budgets": "hard",
            "reward": None,
            "rounds_per_step": 1,
            "emulator": None,
            "seed": 0,
            "total_steps": total_steps,
            "hyperparameters": load_hyperparameters(algo) | QUICK[algo],
        }
        return AgentCard(**card | changes)

    return make


@pytest.fixture(scope="session")
def trained(make_card, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train_agent(make_card(total_steps=128), folder)
    return folder / AGENT


@pytest.fixture
def agent(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "agent")
    return tmp_path / "agent"
