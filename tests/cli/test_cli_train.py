import json
from pathlib import Path

import pandas as pd
import pytest
from strategies import TINY_SCENARIO

from edgegym import InputError

TINY = [part for key, value in TINY_SCENARIO.items() for part in ("--set", f"{key}={value}")]
QUICK = """
TwoStageEdge-v0: {policy: MlpPolicy, n_envs: 4, n_timesteps: 256, normalize: true,
                  n_steps: 16, batch_size: 32, n_epochs: 1, learning_rate: lin_1e-3}
"""


@pytest.fixture
def quick(tmp_path):
    file = tmp_path / "quick.yml"
    file.write_text(QUICK)
    return ["--hyperparameters", file, "--fidelity", "bound", "--rounds-per-step", "1", *TINY]


@pytest.mark.slow
def test_agents_are_trained_and_compared_with_what_is_possible(ask, quick, tmp_path):
    run = tmp_path / "run"
    told = ask("train", *quick, "--seeds", "2", "--out", run)
    assert told["certified optimum"] > 0
    for seed, row in enumerate(told["rows"]):
        folder = run / f"ppo-seed{seed}"
        assert row["agent"] == str(folder / "agent") and row["steps"] >= 256
        assert row["above_certified optimum"] > 0
        assert (folder / "agent" / "agent.zip").is_file()
        assert len(pd.read_csv(folder / "progress.csv"))
    assert (run / "learning-curve.png").stat().st_size > 10_000
    cards = json.loads((run / "training.json").read_text())["cards"]
    assert [card["seed"] for card in cards.values()] == [0, 1]
    again = ask("train", "--resume", run)  # nothing is left to do
    assert again["rows"] == told["rows"]
    played = ask("run", "--agent", run / "ppo-seed0" / "agent", "--fidelity", "bound", *TINY)
    assert played["is_success"]
    with pytest.raises(InputError, match="run folder must be new"):
        ask("train", *quick, "--out", run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--algo", "pppo"], "algo must be one of ppo, sac, td3, tqc, .* got 'pppo'"),
        (["--fidelity", "curv"], "Did you mean 'curve'"),
        (["--reward", "los"], "reward must be one of loss, log_loss"),
        (["--scenario", "cinic10-cifar10"], "must have an emulator"),
        (["--hyperparameters", "nowhere.yml"], "hyperparameter file must be YAML"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(invoke, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        invoke("train", *arguments, "--out", tmp_path / "run")
    assert not Path(tmp_path / "run").exists()


def test_a_folder_without_a_training_cannot_be_resumed(invoke, tmp_path):
    with pytest.raises(InputError, match=r"training\.json"):
        invoke("train", "--resume", tmp_path)


def test_a_training_with_a_damaged_card_is_named(invoke, tmp_path):
    text = json.dumps({"command": ["edgegym", "train"], "cards": {"ppo-seed0": {"algo": "ppo"}}})
    (tmp_path / "training.json").write_text(text)
    with pytest.raises(InputError, match=r"training\.json.* must be a whole training.*ppo-seed0"):
        invoke("train", "--resume", tmp_path)


def steps(run):
    return [pd.read_csv(folder / "progress.csv")["steps"] for folder in sorted(run.glob("ppo-*"))]


def test_finished_agents_go_on_to_more_steps_and_fewer_are_refused(
    ask, refusal, in_process, quick, tmp_path
):
    run = tmp_path / "run"
    ask("train", *quick, "--seeds", 2, "--total-steps", 128, "--out", run)
    told = ask("train", "--resume", run, "--total-steps", 250)
    assert [row["steps"] for row in told["rows"]] == [256, 256]
    for course in steps(run):
        assert course.is_monotonic_increasing and 200 < course.iloc[-1] <= 256
        assert (course <= 128).any() and (course > 128).any()
    cards = json.loads((run / "training.json").read_text())["cards"]
    assert [card["total_steps"] for card in cards.values()] == [250, 250]
    before = (run / "training.json").read_bytes()
    sentence = refusal("train", "--resume", run, "--total-steps", 200)
    assert sentence.startswith(
        "--total-steps must be at least the 256 steps that ppo-seed0 has done"
    )
    assert (run / "training.json").read_bytes() == before
    assert ask("train", "--resume", run, "--total-steps", 250)["rows"] == told["rows"]
    assert refusal("train", "--resume", run, "--seeds", 3).startswith("--resume must stand without")


@pytest.mark.parametrize("channel", ["fixed", "per-round"])
def test_a_system_in_which_no_round_fits_is_refused_before_training(refusal, tmp_path, channel):
    poor = ["--set", "delay_budget_s=1e-6", "--set", f"channel_mode={channel}"]
    sentence = refusal("train", *poor, "--out", tmp_path / "run")
    assert (
        "must allow one round of scheme joint; got 1e-06 s and 30 J. Set delay_budget_s" in sentence
    )
    assert not (tmp_path / "run").exists()


def test_soft_budgets_may_be_too_small_for_a_round(ask, in_process, quick, tmp_path):
    poor = ["--set", "delay_budget_s=1e-6", "--budgets", "soft", "--total-steps", 64]
    assert ask("train", *quick, *poor, "--out", tmp_path / "run")["rows"][0]["steps"] == 64


@pytest.mark.parametrize("text", ["3", "10-3", "0-4", "a-b", "3-10-20"])
def test_the_number_of_devices_is_read_or_refused(refusal, text):
    assert "--devices must be the fewest and the most" in refusal("train", "--devices", text)


def test_a_policy_that_devices_share_is_ranked_on_another_number(succeed, ask, tmp_path):
    (tmp_path / "quick.yml").write_text(QUICK)
    told = ["--hyperparameters", tmp_path / "quick.yml", "--total-steps", 32, "--jobs", 1]
    succeed("train", *TINY, "--devices", "2-3", *told, "--out", tmp_path / "run")
    agent = ["--agent", tmp_path / "run/ppo-seed0/agent", "--fidelity", "bound", "--only", "exact"]
    more = ["--set", "n_devices=5", "--seeds", 1, "--jobs", 1, "--out", tmp_path / "ranked"]
    rows = ask("evaluate", *TINY, *agent, *more)["rows"]
    assert {row["contender"] for row in rows} == {"exact", "ppo"}
