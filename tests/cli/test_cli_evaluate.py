import json
import shutil
import warnings

import pandas as pd
import pytest
from strategies import TINY_SCENARIO

from edgegym import load_scenario
from edgegym.runs.entrants import choose
from edgegym.systems.two_stage.scenario import Scenario

TABLES = ("results.csv", "rounds.csv", "summary.csv", "summary.md")
INTERVALS = {f"{key}_{end}" for key in ("iqm", "score", "improvement") for end in ("low", "high")}


@pytest.fixture(scope="session")
def make_agent(tmp_path_factory):
    """Save an untrained agent that repeats its actions for two rounds."""
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    from agents.card import AgentCard
    from agents.saving import save_agent
    from edgegym.envs.two_stage import TwoStageEdgeEnv

    def make(scenario: Scenario, seed: int):
        arguments = {"scenario": scenario.model_dump(mode="json"), "fidelity": "bound"}
        env = TwoStageEdgeEnv(**arguments, rounds_per_step=2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what SB3 is built on
            policy = {"net_arch": [4]}
            model = stable_baselines3.PPO("MlpPolicy", env, seed=seed, policy_kwargs=policy)
        hyperparameters = {"policy": "MlpPolicy", "policy_kwargs": "dict(net_arch=[4])"}
        rest = {"budgets": "hard", "reward": None, "rounds_per_step": 2, "emulator": None}
        card = AgentCard(
            algo="ppo",
            **arguments,
            **rest,
            seed=seed,
            total_steps=1,
            hyperparameters=hyperparameters,
        )
        folder = tmp_path_factory.mktemp("agents") / f"seed{seed}"
        save_agent(model, card, folder)
        return folder

    return make


@pytest.fixture(scope="session")
def agents(make_agent, tiny_scenario):
    return [make_agent(tiny_scenario, seed) for seed in (0, 1)]


@pytest.fixture(scope="session")
def tiny_scenario():
    return load_scenario("digits").replace(**TINY_SCENARIO)


@pytest.fixture(scope="session")
def options(tiny):
    return ["evaluate", *tiny, "--seeds", 3, "--grid", 4, "--jobs", 1, "--fidelity", "bound"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory, ask, options, agents):
    """Play everyone at fidelity bound: the folder and what was printed."""
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    chosen = [part for agent in agents for part in ("--agent", agent)]
    return folder, ask(*options, *chosen, "--calibrated", "mnist", "--out", folder)


@pytest.fixture
def run_copy(whole, tmp_path):
    return shutil.copytree(whole[0], tmp_path / "run")


def tables(folder):
    return [(folder / name).read_bytes() for name in TABLES]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everyone_is_ranked_and_agents_of_one_algorithm_are_one_contender(whole, tiny_scenario):
    rows = whole[1]["rows"]
    others = choose(None, tiny_scenario, is_measured=True)
    assert {row["contender"] for row in rows} == {*others, "ppo"}
    means = [row["mean"] for row in rows]
    assert means == sorted(means)
    assert {row["contender"]: row["n_agents"] for row in rows if row["n_agents"] > 1} == {"ppo": 2}
    assert all(row.keys() >= INTERVALS for row in rows)
    assert {row["metric"] for row in rows} == {"gradient_norm_bound"}


def test_random_scores_nothing_and_the_papers_plan_one(whole):
    scores = {row["contender"]: row["score"] for row in whole[1]["rows"]}
    assert (scores["random"], scores["sca"]) == (0.0, 1.0)


def test_a_run_folder_holds_tables_manifest_and_the_picture(whole):
    names = {path.name for path in whole[0].iterdir()}
    assert names == {*TABLES, "manifest.json", "episodes", "scores.png"}
    assert (whole[0] / "scores.png").read_bytes().startswith(b"\x89PNG\r\n")
    results = pd.read_csv(whole[0] / "results.csv")
    assert results.groupby("contender")["seed"].count()["ppo"] == 6
    assert sorted(set(results.loc[results["contender"] == "ppo", "design"])) == ["ppo-1", "ppo-2"]
    markdown = (whole[0] / "summary.md").read_text().splitlines()
    assert len(markdown) == 2 + len(whole[1]["rows"])
    assert any(line.startswith("| ppo ×2 | ") for line in markdown)


def test_an_agent_plays_as_many_rounds_a_step_as_it_was_trained_for(whole):
    rounds = pd.read_csv(whole[0] / "rounds.csv")
    steps = rounds[rounds["design"] == "ppo-1"].groupby("seed")["round"].first()
    assert steps.tolist() == [1, 1, 1]


def test_a_fading_channel_is_played(ask, options, tmp_path):
    fading = ("--set", "channel_mode=per-round", "--only", "random, receding,exact")
    rows = ask(*options, *fading, "--out", tmp_path / "run")["rows"]
    assert {row["contender"] for row in rows} == {"random", "receding", "exact"}
    assert all(row["score"] is None for row in rows)  # without the paper's plan


def test_a_partial_run_is_resumed_to_the_same_tables(whole, run_copy, ask):
    missing = [path for path in (run_copy / "episodes").iterdir() if "random" in path.name]
    for path in (*missing, run_copy / "summary.csv"):
        path.unlink()
    report = ask("evaluate", "--resume", run_copy, "--jobs", 1)
    assert report["rows"] == whole[1]["rows"]
    assert tables(run_copy) == tables(whole[0])


def test_a_resumed_run_prints_two_tables(run_copy, succeed):
    text = succeed("evaluate", "--resume", run_copy, "--jobs", 1)
    for name in ("receding", "ppo ×2", "better than", "difference", "score"):
        assert name in text
    assert "intervals over the seeds" in text
    assert "ppo: intervals are of these 2 agents" in text


@pytest.mark.parametrize("change", ["policy.safetensors", "agent.json"])
def test_an_agent_that_changed_since_is_refused(run_copy, refusal, agents, tmp_path, change):
    copy = shutil.copytree(agents[1], tmp_path / "changed")
    manifest = json.loads((run_copy / "manifest.json").read_text())
    manifest["agents"]["ppo-2"]["path"] = str(copy)
    (run_copy / "manifest.json").write_text(json.dumps(manifest))
    with (copy / change).open("ab") as file:
        file.write(b" ")
    before = contents(run_copy)
    sentence = refusal("evaluate", "--resume", run_copy, "--jobs", 1)
    assert f"agent {str(copy)!r} must be as it was when the run began" in sentence
    assert contents(run_copy) == before


def test_an_agent_for_other_devices_is_refused_before_a_folder_is_made(
    refusal, options, make_agent, tiny_scenario, tmp_path
):
    agent = make_agent(tiny_scenario.replace(n_devices=2), 5)
    sentence = refusal(*options, "--only", "exact", "--agent", agent, "--out", tmp_path / "run")
    assert "3 devices" in sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--fidelity", "real"), "fidelity must be one of train, curve, bound; got 'real'"),
        (
            ("--only", "exact,rescind"),
            "--only must be one of random, receding, receding-emulator, sca",
        ),
        (("--agent", "nowhere.zip"), "nowhere.zip"),
        (("--calibrated", "nothing"), "scenario must be one of"),
        (("--set", "delay_budget_s=1e-6"), "delay_budget_s"),
    ],
)
def test_wrong_inputs_are_refused_before_a_folder_is_made(refusal, options, tmp_path, wrong, said):
    assert said in refusal(*options, *wrong, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_command_is_refused(refusal, run_copy):
    assert "edgegym evaluate --resume" in refusal("compare", "--resume", run_copy)


def test_an_existing_run_folder_is_refused(refusal, options, run_copy):
    before = contents(run_copy)
    assert "--resume" in refusal(*options, "--only", "exact", "--out", run_copy)
    assert contents(run_copy) == before


@pytest.mark.slow
def test_real_training_ranks_by_the_test_loss(ask, tiny, tmp_path):
    options = ("--seeds", 2, "--grid", 4, "--jobs", 1, "--device", "cpu")
    only = ("--only", "random,sca,fixed-batch", "--out", tmp_path / "run")
    rows = ask("evaluate", *tiny, *options, *only)["rows"]
    assert {row["contender"] for row in rows} == {"random", "sca", "fixed-batch"}
    results = pd.read_csv(tmp_path / "run" / "results.csv")
    for row in rows:
        own = results.loc[results["contender"] == row["contender"], "test_loss"]
        assert row["mean"] == pytest.approx(own.mean())
        assert 0 <= row["accuracy"] <= 1
    assert (tmp_path / "run" / "loss-over-time.png").exists()


@pytest.mark.slow
def test_compare_puts_agents_beside_the_designs(ask, tiny, agents, tmp_path):
    options = ("--seeds", 2, "--grid", 4, "--jobs", 1, "--device", "cpu", "--out", tmp_path / "run")
    chosen = [part for agent in agents for part in ("--agent", agent)]
    rows = ask("compare", *tiny, *options, *chosen)["rows"]
    assert [row["design"] for row in rows][-2:] == ["ppo-1", "ppo-2"]
    assert all(row["n_seeds"] == 2 and row["test_loss"] > 0 for row in rows)
    again = ask("compare", "--resume", tmp_path / "run", "--jobs", 1, "--device", "cpu")
    assert again["rows"] == rows


@pytest.mark.parametrize(("max_pretrain_rounds", "beyond"), [(900, ""), (1000, "exact, pretrain")])
def test_plans_that_leave_what_the_emulator_was_fitted_on_are_named(
    succeed, tmp_path, max_pretrain_rounds, beyond
):
    text = succeed(
        *("evaluate", "--scenario", "mnist", "--fidelity", "curve"),
        *("--only", "exact,pretrain-only,finetune-only", "--seeds", 1, "--jobs", 1),
        *("--set", f"max_pretrain_rounds={max_pretrain_rounds}", "--out", tmp_path / "run"),
    )
    said = "-only: extrapolated from up to 827 pre-training rounds of 1 to 667 samples, and up to"
    assert (beyond + said in text) == bool(beyond)
    assert ("extrapolated" in text) == bool(beyond)


def test_a_ranking_by_the_bound_names_which_one(succeed, tiny, tmp_path):
    run, changes = tmp_path / "run", ("--set", "bound=tight", "--seeds", 1, "--jobs", 1)
    chosen = ("--only", "exact", "--fidelity", "bound", "--out", run)
    assert "tight bound" in succeed("evaluate", *tiny, *changes, *chosen)
    assert "| tight bound |" in (run / "summary.md").read_text()
