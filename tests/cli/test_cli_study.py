import pandas as pd
import pytest

from edgegym.studies import cooperative
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
    names |= {"study.json", "accuracies"}
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


def test_a_killed_study_is_finished_and_gives_the_same(short, ask, tmp_path, monkeypatch):
    whole, run = tmp_path / "whole", tmp_path / "run"
    told = ask("study", "heterogeneity", *FEW, "--out", whole)
    run.mkdir()
    for name in ("study.json", "accuracies"):
        (whole / name).rename(run / name)
    (run / "accuracies" / "joint-0-seed0.json").unlink()
    trained = []
    train = study._train
    monkeypatch.setattr(study, "_train", lambda *given: trained.append(1) or train(*given))
    again = ask("study", "heterogeneity", "--resume", run)
    assert again["rows"] == told["rows"] and again["verdict"] == told["verdict"]
    assert len(trained) == 1


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


def test_what_no_study_wrote_is_refused(short, ask, refusal, tmp_path):
    run = tmp_path / "run"
    ask("study", "heterogeneity", *FEW, "--out", run)
    assert refusal("study", "heterogeneity", "--out", run).startswith("run folder must be new; got")
    with_draws = refusal("study", "heterogeneity", "--resume", run, "--draws", 3)
    assert with_draws.startswith("--resume must stand without --draws")
    (run / "accuracies" / "joint-0-seed0.json").write_text("{")
    damaged = refusal("study", "heterogeneity", "--resume", run)
    assert "must be a point that this study wrote; got Expecting property name" in damaged
    about = (run / "study.json").read_text()
    (run / "study.json").write_text(about.replace('"heterogeneity"', '"bound"', 1))
    assert refusal("study", "heterogeneity", "--resume", run) == (
        f"--resume must name a folder of study 'heterogeneity'; got {str(run)!r}, of study "
        f"'bound'. Finish it with: edgegym study bound --resume {run}."
    )


def test_the_study_of_drift_trains_in_every_way_and_gives_its_verdict(
    in_process, ask, tmp_path, monkeypatch
):
    monkeypatch.setattr(cooperative, "LOOKS", (1, 2))
    run = tmp_path / "run"
    few = ("--seeds", 1, "--set", "learning.n_pretrain_rounds=1")
    told = ask("study", "drift", *few, "--out", run)
    assert {row["way"] for row in told["rows"]} == set(cooperative.WAYS)
    assert told["verdict"].startswith("At learning rate 0.03 a fixed matching of own shares ends")
    assert {"accuracies.csv", "summary.csv", "drift.png"} < {path.name for path in run.iterdir()}
    assert len(pd.read_csv(run / "accuracies.csv")) == 2 * 5 * 2


def test_the_study_of_matchings_writes_its_tables_and_says_what_is_saved(ask, tmp_path):
    run = tmp_path / "run"
    told = ask("study", "matching", "--draws", 2, "--out", run)
    assert [row["rival"] for row in told["rows"]][:2] == ["dual-ascent", "crunch"]
    assert "against CRUNCH with its best shares" in told["verdict"]
    assert {"latencies.csv", "summary.csv", "savings.png"} < {path.name for path in run.iterdir()}
