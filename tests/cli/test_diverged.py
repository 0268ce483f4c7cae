"""Every command ends well where training diverges, and writes a dash for what there is none of."""

import re

import pytest
from strategies import TINY_SCENARIO

from edgegym import InputError
from edgegym.report.folder import report

#: So high a rate, and budgets for some rounds of it.
DIVERGING = TINY_SCENARIO | {"learning_rate": 1000, "delay_budget_s": 3, "energy_budget_j": 1}
SET = [part for item in DIVERGING.items() for part in ("--set", "{}={}".format(*item))]
#: What Python writes for a figure that there is none of.
NONE = re.compile(r"\b(nan|inf|None)\b")
PLAYED = {
    "compare": ["--seeds", 2, "--grid", 3, "--device", "cpu"],
    "evaluate": ["--seeds", 2, "--grid", 3, "--device", "cpu", "--only", "random,sca,exact"],
    "figure 2": ["--seeds", 2, "--device", "cpu"],
    "figure 4": ["--seeds", 1, "--device", "cpu", "--budgets", "2,3"],
}
QUICK = """
TwoStageEdge-v0: {policy: MlpPolicy, n_envs: 2, n_timesteps: 32, normalize: true,
                  n_steps: 16, batch_size: 16, n_epochs: 1, learning_rate: lin_1e-3}
"""


def test_an_episode_has_no_final_losses(succeed, ask):
    text = succeed("run", *SET, "--device", "cpu")
    for key in ("train_loss", "test_loss", "test_accuracy"):
        assert re.search(rf"^{key} +- *$", text, re.MULTILINE)
        assert ask("run", *SET, "--device", "cpu")[key] is None
    assert not NONE.search(text)


@pytest.mark.parametrize("command", PLAYED)
def test_a_run_in_which_all_training_diverged_is_told_repeated_and_reported(
    succeed, in_process, tmp_path, command
):
    run = tmp_path / "run"
    text = succeed(*command.split(), *SET, *PLAYED[command], "--out", run)
    assert "training diverged in" in text
    assert not NONE.search(text)
    again = succeed("rerun", run, 1, "--device", "cpu")
    assert re.search(r"^test_loss +- +- *$", again, re.MULTILINE)
    assert "the same to the last bit" in again
    succeed("report", run)
    page = (run / "report.html").read_text(encoding="utf-8")
    shown = re.sub(r"data:[^\"]*|<style.*?</style>", "", page, flags=re.DOTALL)
    assert "Training diverged everywhere." in shown
    assert not NONE.search(shown.replace("default-src 'none'", ""))


def test_agents_are_trained_and_told(succeed, in_process, tmp_path):
    (tmp_path / "quick.yml").write_text(QUICK)
    options = ["--fidelity", "train", "--rounds-per-step", 1, "--out", tmp_path / "run"]
    text = succeed("train", *SET, "--hyperparameters", tmp_path / "quick.yml", *options)
    assert re.search(r"^ppo-seed0 +32 +\d+ +- *$", text, re.MULTILINE)
    assert report(tmp_path / "run")


def test_a_calibration_of_nothing_is_refused(invoke, in_process, tmp_path):
    few = ["--plans", 4, "--tests", 3, "--repeats", 1, "--device", "cpu"]
    with pytest.raises(InputError, match=r"2 plans to fit and one to test .*; got 0 and \d of 4\."):
        invoke("calibrate", *SET, *few, "--out", tmp_path / "run")


def test_a_bench_of_it_is_refused(invoke):
    wrong = r"training must not diverge while it is timed; got .*learning_rate = 1000"
    with pytest.raises(InputError, match=wrong):
        invoke("bench", "env", *SET, "--rounds", 20, "--repeats", 1, "--device", "cpu")


@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["scenario", "check"],
        ["doctor"],
        ["grid", "--stride", 4],
        ["bench", "fading", "--scenario", "digits", "--seeds", 1],
    ],
)
def test_what_trains_nothing_tells_no_lack(succeed, in_process, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert not NONE.search(succeed(*command, *SET))
