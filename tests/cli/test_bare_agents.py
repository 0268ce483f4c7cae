"""Archives that Stable-Baselines3 saved, without a card of ours."""

import json
import warnings

import gymnasium as gym
import pandas as pd
import pytest
from stable_baselines3 import PPO
from strategies import TINY_SCENARIO

from edgegym import load_scenario
from edgegym.envs.two_stage import TwoStageEdgeEnv

SCENARIO = load_scenario("digits").replace(**TINY_SCENARIO)
TOLD = ["--algo", "ppo", "--rounds-per-step", 2]


def saved(env, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what SB3 is built on
        PPO("MlpPolicy", env, seed=0, policy_kwargs={"net_arch": [4]}, device="cpu").save(path)
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Save an untrained PPO as a script of the user's would."""
    path = tmp_path_factory.mktemp("own") / "own.zip"
    return saved(TwoStageEdgeEnv(SCENARIO, fidelity="bound"), path)


@pytest.fixture
def options(tiny, own):
    return [*tiny, "--fidelity", "bound", "--agent", own]


@pytest.mark.parametrize("command", ["run", "evaluate", "compare"])
def test_without_a_card_it_is_said_what_one_is_and_how_to_do_without(refusal, tiny, own, command):
    sentence = refusal(command, *tiny, "--agent", own)
    assert f"agent {str(own)!r} must have its card beside it, the agent.json" in sentence
    assert "--algo ppo --rounds-per-step 100" in sentence


def test_it_plays_as_it_is_told(invoke, options, tmp_path):
    table = tmp_path / "rounds.csv"
    told = invoke("run", *options, *TOLD, "--out", table)
    assert told.exit_code == 0
    assert "Agents can run code when they are loaded" in told.stderr
    assert pd.read_csv(table)["round"].iloc[0] == 1  # the last round of a step of two


def test_a_ranking_keeps_what_it_was_told(ask, options, in_process, tmp_path):
    run = tmp_path / "run"
    first = ask("evaluate", *options, *TOLD, "--only", "random", "--seeds", 2, "--out", run)
    assert {row["contender"] for row in first["rows"]} == {"random", "ppo"}
    kept = json.loads((run / "manifest.json").read_text())["agents"]["ppo"]
    assert (kept["algo"], kept["rounds_per_step"]) == ("ppo", 2)
    for episode in (run / "episodes").glob(f"{kept['digest']}*"):
        episode.unlink()
    assert ask("evaluate", "--resume", run)["rows"] == first["rows"]
    rows = pd.read_csv(run / "results.csv")["design"].tolist()
    assert ask("rerun", run, rows.index("ppo") + 1)["same"]


def test_it_stands_beside_the_designs(ask, tiny, own, in_process, tmp_path):
    quick = ["--seeds", 1, "--grid", 3, "--device", "cpu", "--out", tmp_path / "run"]
    rows = ask("compare", *tiny, *quick, "--agent", own, *TOLD)["rows"]
    assert rows[-1]["design"] == "ppo" and rows[-1]["test_loss"] > 0


@pytest.mark.parametrize("place", ["vecnormalize.pkl", "own/vecnormalize.pkl"])
def test_statistics_beside_it_normalise_its_observations(own, tmp_path, place):
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    from agents.loading import AgentRunsCode, load_policy
    from agents.saving import agent_digest

    env = TwoStageEdgeEnv(SCENARIO, fidelity="bound")
    archive = tmp_path / "own.zip"
    archive.write_bytes(own.read_bytes())
    with pytest.warns(AgentRunsCode):
        plain = load_policy(archive, env, "ppo")
    statistics = VecNormalize(DummyVecEnv([lambda: env]))
    statistics.obs_rms.mean += 0.5
    digest = agent_digest(archive)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    statistics.save(str(tmp_path / place))
    assert agent_digest(archive) != digest
    with pytest.warns(AgentRunsCode):
        normalised = load_policy(archive, env, "ppo")
    seen, info = env.reset(seed=0)
    assert (normalised(seen, info) == plain(statistics.normalize_obs(seen), info)).all()
    assert (normalised(seen, info) != plain(seen, info)).any()


class Halved(gym.ActionWrapper):
    """An environment whose actions go from -2 to 2."""

    def __init__(self, env):
        super().__init__(env)
        self.action_space = gym.spaces.Box(-2.0, 2.0, env.action_space.shape)

    def action(self, action):
        return action / 2


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TwoStageEdgeEnv(SCENARIO.replace(n_devices=2), fidelity="bound"), "observations"),
        (lambda: gym.make("CartPole-v1"), "observations of (17,) numbers"),
        (lambda: Halved(TwoStageEdgeEnv(SCENARIO, fidelity="bound")), "got (12,) numbers from -2"),
    ],
)
def test_one_of_another_environment_is_refused(refusal, tiny, tmp_path, make, said):
    other = saved(make(), tmp_path / "other.zip")
    sentence = refusal("run", *tiny, "--fidelity", "bound", "--agent", other, "--algo", "ppo")
    assert sentence.startswith(f"agent {str(other)!r} must have ")
    assert said in sentence


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--algo", "sac"], "must be whole and of algorithm sac; got"),
        (["--algo", "pppo"], "module:Class; got 'pppo'. Did you mean 'ppo'"),
        (
            ["--rounds-per-step", 2],
            "that has no card; got none. Add --algo ppo",
        ),
    ],
)
def test_what_does_not_fit_is_named(refusal, options, given, said):
    assert said in refusal("run", *options, *given)


def test_what_would_be_ignored_is_refused(refusal, tiny):
    sentence = refusal("evaluate", *tiny, *TOLD)
    assert "must stand beside an --agent that has no card" in sentence
    assert sentence.endswith("got none without a card. Leave them out.")


def test_a_card_is_not_overruled(refusal, tiny, own, tmp_path):
    (tmp_path / "agent.zip").write_bytes(own.read_bytes())
    (tmp_path / "agent.json").write_text("{}")
    sentence = refusal("run", *tiny, "--agent", tmp_path, "--algo", "ppo")
    assert sentence.endswith("got none without a card. Leave them out.")


@pytest.mark.parametrize("command", [["run"], ["evaluate", "--only", "random"]])
def test_budgets_for_no_round_are_refused_where_nothing_is_planned(refusal, options, command):
    poor = ["--set", "delay_budget_s=1e-6"]
    sentence = refusal(*command, *options, *TOLD, *poor)
    assert "must allow one round of scheme joint; got 1e-06 s" in sentence
