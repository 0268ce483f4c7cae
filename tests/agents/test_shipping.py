import pickle

import numpy as np
import pytest
from safetensors.torch import load_file

from agents import saving
from agents.finals import play_finals
from agents.hyperparameters import ALGORITHMS
from agents.loading import load_policy
from agents.saving import SHIPPED, read_card, runs_code, shipped_agents
from agents.shipping import ship
from agents.together import begin, train_all
from agents.weights import WEIGHTS
from edgegym import InputError
from edgegym.envs.env import EdgeEnv
from edgegym.lifecycle.state import TOLERANCE
from edgegym.runs.play import play
from edgegym.systems.load import load_scenario
from edgegym.systems.system import find_system

#: Agents go beyond what was recorded where the law says that it pays.
LEAVES = "ignore:The emulator was fitted"


@pytest.fixture(scope="module")
def run(make_card, tmp_path_factory):
    """Train two agents as `edgegym train` does."""
    run_dir = tmp_path_factory.mktemp("run")
    cards = [make_card(total_steps=256, seed=seed) for seed in (0, 1)]
    begin(cards, run_dir)
    train_all(cards, run_dir, 1, None, lambda name, done, total: None)
    return run_dir


def test_the_best_seed_is_shipped_with_what_all_have_reached(run, tmp_path, monkeypatch):
    folder = ship(run, tmp_path)
    card = read_card(folder)
    reached = [play_finals(run / f"ppo-seed{s}" / "agent", card) for s in (0, 1)]
    assert folder.name == "ppo-digits" and card.shipped.reached == reached
    assert card.seed == int(np.argmin(reached)) and card.shipped.metric == "gradient_norm_bound"
    assert {file.name for file in folder.iterdir()} == {"agent.json", WEIGHTS}
    assert play_finals(folder, card) == min(reached)
    monkeypatch.setattr(saving, "SHIPPED", tmp_path)
    assert saving.find_file("shipped:ppo-digits") == folder / WEIGHTS


def test_an_unknown_one_is_refused_with_the_nearest():
    assert shipped_agents()
    with pytest.raises(InputError, match=r"shipped agent must be one of .*'ppo-mnsit'\. Did you"):
        saving.find_file("shipped:ppo-mnsit")


@pytest.mark.parametrize("system", ["two-stage", "partitioned", "cooperative", "split"])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_an_agent_of_each_algorithm_comes_for_what_a_system_plays_by_default(algo, system):
    card = read_card(f"shipped:{algo}-{find_system(system).default_scenario}")
    assert (card.algo, card.system) == (algo, system)
    assert card.fidelity == ("curve" if system == "two-stage" else "bound")


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_an_agent_of_each_algorithm_comes_for_the_papers_scenario(algo):
    assert read_card(f"shipped:{algo}-mnist").fidelity == "bound"


@pytest.mark.filterwarnings(LEAVES)
@pytest.mark.parametrize("name", shipped_agents())
def test_every_shipped_agent_plays_as_its_card_says_and_runs_no_code(name, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was unpickled")

    for loader in ("load", "loads"):
        monkeypatch.setattr(pickle, loader, refuse)
    # A class, as modules that are imported here for the first time may derive from it.
    monkeypatch.setattr(pickle, "Unpickler", type("Refusing", (), {"__init__": refuse}))
    path = f"shipped:{name}"
    card = read_card(path)
    assert not runs_code(path) and card.shipped.command.startswith("edgegym train ")
    assert name == f"{card.algo}-{card.scenario['name']}"
    policy = load_policy(path, EdgeEnv(**card.env_arguments))
    observation, info = EdgeEnv(**card.env_arguments).reset(seed=0)
    assert np.abs(policy(observation, info)).max() <= 1
    played = play_finals(SHIPPED / name, card)
    assert played == pytest.approx(min(card.shipped.reached), rel=0.02)


@pytest.mark.filterwarnings(LEAVES)
@pytest.mark.parametrize("name", shipped_agents())
def test_no_shipped_agent_exceeds_a_limit(name):
    card = read_card(f"shipped:{name}")
    env = EdgeEnv(**card.env_arguments | {"budgets": "hard"})
    episode = play(env, load_policy(SHIPPED / name, env), seed=1)
    assert episode.rounds["round"] and not env.state.excess.any()
    most_s = env.scenario.delay_budget_s * (1 + TOLERANCE)
    assert 0.5 * most_s < episode.final["total_delay_s"] <= most_s  # it does play


@pytest.mark.parametrize("name", shipped_agents())
def test_every_shipped_agent_is_of_its_scenario_as_it_is_now(name):
    card = read_card(f"shipped:{name}")
    system = find_system(card.system)
    now = load_scenario(card.scenario["name"], system).model_dump(mode="json")
    then = load_scenario(card.scenario, system).model_dump(mode="json")
    said = {key: value for key, value in then.items() if value is not None}
    assert said == {key: now[key] for key in said}  # what came later may stand beside it


def test_what_is_shipped_is_small():
    files = [file for file in SHIPPED.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    assert sum(file.stat().st_size for file in files) < 900_000
    for file in SHIPPED.rglob(f"*{WEIGHTS}"):
        assert all(name.split(".")[0] != "critic" for name in load_file(file))
