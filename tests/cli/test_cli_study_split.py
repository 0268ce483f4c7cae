"""`edgegym study split` on a few rounds."""

import pandas as pd
import pytest

FEW = (
    *("--seeds", 1, "--set", "max_rounds=2", "--set", "pretrain_steps=2"),
    *("--set", "split_layers=[2]", "--set", "ranks=[4]", "--set", "keep_samples=true"),
    *("--set", "learning.validation_interval=1", "--set", "batch_size_limit=8"),
)


@pytest.fixture
def run(in_process, ask, tmp_path):
    path = tmp_path / "run"
    return path, ask("study", "split", *FEW, "--out", path)


def test_the_study_writes_tables_a_picture_and_a_law_that_can_be_planned_with(run, ask):
    path, told = run
    assert {row["layer"] for row in told["rows"]} == {2, 5}
    assert told["verdict"].startswith("Unsplit, or split with the whole hidden state: ")
    names = {"study.json", "accuracies", "looks.csv", "summary.csv", "law.json", "accuracies.png"}
    assert {file.name for file in path.iterdir()} == names
    assert len(pd.read_csv(path / "looks.csv")) == 3 * (3 + 1)
    law = ("--set", f"accuracy_law={path / 'law.json'}", "--set", "accuracy_floor=0")
    planned = ask("plan", "--system", "split", *FEW[2:], *law)
    assert planned["status"] == "optimal" and planned["layer"] in (2, 5)


def test_a_study_is_taken_up_where_it_was_left(run, ask):
    path, told = run
    (path / "accuracies" / "layer2-rank4-batch8-seed0.json").unlink()
    again = ask("study", "split", "--resume", path)
    assert again["rows"] == told["rows"]


def test_the_study_is_of_the_split_system_alone(refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = refusal("study", "split", "--scenario", "mnist")
    assert sentence.startswith("scenario must be of system 'split'; got 'mnist'")
    assert list(tmp_path.iterdir()) == []
