import pandas as pd
import pytest

from edgegym.studies import partitioned as study

FEW = ("--draws", 2, "--seeds", 1, "--set", "delay_budget_s=1")


@pytest.fixture
def short(in_process, monkeypatch):
    monkeypatch.setattr(study, "DECADES", (0.0, 1.0))


def test_the_study_writes_its_tables_and_a_picture_and_gives_its_verdict(short, ask, tmp_path):
    run = tmp_path / "run"
    told = ask("study", "heterogeneity", *FEW, "--out", run)
    assert told["run"] == str(run)
    assert [row["decades"] for row in told["rows"]] == [0.0, 1.0]
    assert told["verdict"].startswith("A latency lower by 46 % than with equal parts ")
    names = {"latencies.csv", "accuracies.csv", "summary.csv", "gains.png"}
    assert {path.name for path in run.iterdir()} == names
    assert (run / "gains.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert len(pd.read_csv(run / "latencies.csv")) == 2 * 2 * len(study.SCHEMES)
    accuracies = pd.read_csv(run / "accuracies.csv")
    assert set(accuracies["scheme"]) == {"equal", "joint"}
    assert accuracies["accuracy"].between(0, 1).all()
    summary = pd.read_csv(run / "summary.csv")
    assert summary["saved_against_equal"].tolist() == pytest.approx(
        [row["saved_against_equal"] for row in told["rows"]]
    )
    assert summary["saved_against_equal"].iloc[1] > 0.05


def test_the_study_for_people_ends_with_the_verdict(short, succeed, tmp_path):
    text = succeed("study", "heterogeneity", *FEW, "--out", tmp_path / "run")
    assert "saved against one sided" in " ".join(text.split())
    assert "An accuracy higher by 4 points at the budget" in text
    assert f"Written to {tmp_path / 'run'}: " in text


def test_the_study_is_of_the_partitioned_system_alone(refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence = refusal("study", "heterogeneity", "--scenario", "mnist")
    assert sentence.startswith("scenario must be of system 'partitioned'; got 'mnist'")
    assert list(tmp_path.iterdir()) == []
