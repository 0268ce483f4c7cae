"""Agents that nobody trained here: functions of one's own, and wrappers and algorithms told of."""

import json
import re
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
from strategies import TINY_SCENARIO

from edgegym import load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.wrappers import DiscreteAction

MODULE = """
import numpy as np


def middling(env):
    def act(observation, info):
        action = np.zeros(env.action_space.shape)
        action[0] = -1.0
        return action

    return act


def first_choice(env):
    return lambda observation, info: 1


def raising(env):
    raise KeyError("no such layer")


def returning_none(env):
    return None


def too_short(env):
    return lambda observation, info: np.zeros(3)


number = 7
"""
OWN = "policies_of_a_test"


@pytest.fixture(autouse=True)
def _own_module(monkeypatch, tmp_path):
    (tmp_path / f"{OWN}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop(OWN, None)


@pytest.fixture
def bound(tiny):
    return [*tiny, "--fidelity", "bound"]


def test_a_function_plays_one_episode(ask, bound):
    answer = ask("run", *bound, "--agent", f"{OWN}:middling")
    assert answer["n_pretrain_rounds"] == TINY_SCENARIO["max_pretrain_rounds"]
    assert answer["n_finetune_rounds"] > 0


def test_nothing_is_said_of_archives_where_there_are_none(invoke, bound):
    assert "Agents can run code" not in invoke("run", *bound, "--agent", f"{OWN}:middling").stderr


@pytest.mark.parametrize("told", [[], ["--import", OWN]])
def test_it_plays_in_workers_and_again_without_being_named_again(ask, bound, tmp_path, told):
    options = ["--only", "random", "--seeds", 2, "--jobs", 2, "--out", "run"]
    first = ask("evaluate", *bound, *told, "--agent", f"{OWN}:middling", *options)["rows"]
    assert {row["contender"] for row in first} == {"random", f"{OWN}:middling"}
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["imports"] == [OWN]
    for file in (tmp_path / "run/episodes").glob("*-seed1.json"):
        file.unlink()
    assert ask("evaluate", "--resume", "run")["rows"] == first
    rows = pd.read_csv(tmp_path / "run/results.csv")["design"].tolist()
    assert ask("rerun", "run", rows.index(f"{OWN}:middling") + 1)["same"]


def test_a_function_that_has_changed_since_is_refused(ask, refusal, bound, tmp_path, in_process):
    agent = ["--agent", f"{OWN}:middling"]
    ask("evaluate", *bound, *agent, "--only", "random", "--seeds", 1, "--out", "run")
    (tmp_path / f"{OWN}.py").write_text(MODULE.replace("-1.0", "-0.5"))
    assert "must be as it was when the run began" in refusal("evaluate", "--resume", "run")


def test_functions_of_one_module_stand_beside_the_designs(ask, tiny, in_process):
    quick = ["--seeds", 1, "--grid", 3, "--device", "cpu", "--out", "run"]
    agents = ["--agent", f"{OWN}:middling", "--agent", "edgegym.runs.players:random_policy"]
    rows = {row["design"]: row for row in ask("compare", *tiny, *quick, *agents)["rows"]}
    own, other = rows[f"{OWN}:middling"], rows["edgegym.runs.players:random_policy"]
    assert own["test_loss"] != other["test_loss"]


def test_what_is_told_of_the_environment_is_how_it_plays(ask, bound, tmp_path):
    answer = ask(
        *("run", *bound, "--agent", f"{OWN}:middling", "--out", "rounds.csv"),
        *("--env", "budgets=soft", "--rounds-per-step", 2),
    )
    assert answer["cost"] > 0  # went on past the budgets, up to the limits of rounds
    assert pd.read_csv(tmp_path / "rounds.csv")["round"].iloc[0] == 1


def test_a_reward_of_its_own_is_what_it_returns(ask, bound):
    told = ["--agent", f"{OWN}:middling", "--env", "reward=bound"]
    assert ask("run", *bound, *told)["return"] > 0


def test_a_function_sees_the_wrappers_that_are_named(ask, bound):
    agent = ["--agent", f"{OWN}:first_choice", "--wrapper", "DiscreteAction(levels=3)"]
    limit = TINY_SCENARIO["max_pretrain_rounds"]
    assert ask("run", *bound, *agent)["n_pretrain_rounds"] == limit


def test_a_wrapper_with_a_cost_after_the_reward_is_played_through(ask, bound):
    agent = ["--agent", f"{OWN}:middling"]
    plain = ask("run", *bound, *agent)
    assert ask("run", *bound, *agent, "--wrapper", "SafetyStep") == plain
    stacked = "gymnasium.wrappers:FrameStackObservation(stack_size=2)"
    assert ask("run", *bound, *agent, "--wrapper", stacked) == plain


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (
            "no_such_module:middling",
            "--agent must name a module that can be imported; got 'no_such",
        ),
        (f"{OWN}:midling", "Did you mean 'middling'?"),
        (f"{OWN}:number", f"got '{OWN}:number', which is int."),
        (f"{OWN}:raising", "must make a policy of the environment that it takes; got KeyError"),
        (f"{OWN}:returning_none", "must return a function of observation and info; got None."),
        (f"{OWN}:too_short", "must decide on an action of Box(-1.0, 1.0, (12,), float32); got arr"),
    ],
)
def test_what_is_wrong_with_a_function_is_one_sentence(refusal, bound, agent, said):
    assert said in refusal("run", *bound, "--agent", agent)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--algo", "ppo"], "got none without a card. Leave them out."),
        (["--env", "budgets"], "--env must be KEY=VALUE; got 'budgets'."),
        (["--env", "budget=soft"], "key of --env must be one of budgets, reward, rounds_per_step"),
        (["--env", "budgets=sfot"], "budgets must be one of hard, soft; got 'sfot'."),
        (["--wrapper", "DiscretAction"], "Did you mean 'DiscreteAction'?"),
        (["--wrapper", "DiscreteAction(levels=3"], "got 'DiscreteAction(levels=3'"),
        (["--wrapper", "DiscreteAction(level=3)"], "(TypeError: "),
        (["--wrapper", "DiscreteAction(levels=1)"], "levels must be a whole number, at least 2"),
        (["--wrapper", "json:dumps"], "--wrapper must be made of the environment"),
        (["--wrapper", "builtins:repr"], "--wrapper must be a wrapper of Gymnasium's"),
    ],
)
def test_what_is_wrongly_told_is_one_sentence(refusal, bound, told, said):
    assert said in refusal("run", *bound, "--agent", f"{OWN}:middling", *told)


def test_what_is_told_of_nobody_is_refused(refusal, bound):
    sentence = refusal("evaluate", *bound, "--env", "budgets=soft")
    assert sentence.endswith("got none without a card. Leave them out.")


def make_env():
    scenario = load_scenario("digits").replace(**TINY_SCENARIO)
    return TwoStageEdgeEnv(scenario, fidelity="bound")


def save(algorithm, policy, env, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what SB3 is built on
        algorithm(policy, env, seed=0, device="cpu").save(path)
    return path


@pytest.mark.parametrize("algo", ["a2c", "stable_baselines3:A2C"])
def test_any_algorithm_is_taken(ask, bound, tmp_path, algo):
    from stable_baselines3 import A2C

    archive = save(A2C, "MlpPolicy", make_env(), tmp_path / "own.zip")
    assert ask("run", *bound, "--agent", archive, "--algo", algo)["end_code"] > 0


def test_an_algorithm_that_chooses_among_few_plays_in_its_wrapper(ask, refusal, bound, tmp_path):
    contrib = pytest.importorskip("sb3_contrib")
    env = DiscreteAction(make_env(), levels=3)
    archive = save(contrib.MaskablePPO, "MlpPolicy", env, tmp_path / "own.zip")
    told = ["--agent", archive, "--algo", "ppo_mask"]
    assert ask("run", *bound, *told, "--wrapper", "DiscreteAction(levels=3)")["end_code"] > 0
    assert "or name the wrappers that it was" in refusal("run", *bound, *told)


def test_what_is_named_must_load_archives(refusal, bound, tmp_path):
    (tmp_path / "own.zip").write_bytes(b"")
    told = ["--agent", tmp_path / "own.zip", "--algo", f"{OWN}:middling"]
    assert "algo must be a class that loads an archive" in refusal("run", *bound, *told)


def test_what_a_recurrent_policy_remembers_lasts_for_an_episode(tmp_path):
    contrib = pytest.importorskip("sb3_contrib")
    from agents.loading import AgentRunsCode, load_policy
    from edgegym.runs.play import play

    env = make_env()
    archive = save(contrib.RecurrentPPO, "MlpLstmPolicy", env, tmp_path / "own.zip")
    with pytest.warns(AgentRunsCode):
        policy = load_policy(archive, env, "ppo_lstm")
    first, again = play(env, policy, 0), play(env, policy, 0)
    assert first == again
    observation, info = env.reset(seed=0)
    start = policy(observation, info)
    assert (policy(observation, info | {"round": 1}) != start).any()  # it remembers
    assert (policy(observation, info) == start).all()


README = Path(__file__).parents[2] / "agents/README.md"


def test_the_function_of_the_readme_plays(ask, bound, tmp_path):
    (block,) = re.findall(r"```python\n(# mine\.py\n.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "mine_of_the_readme.py").write_text(block)
    answer = ask("run", *bound, "--agent", "mine_of_the_readme:greedy")
    assert answer["n_pretrain_rounds"] == TINY_SCENARIO["max_pretrain_rounds"]
    sys.modules.pop("mine_of_the_readme")
