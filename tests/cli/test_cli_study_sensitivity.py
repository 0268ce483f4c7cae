import pandas as pd
import pytest

from edgegym.studies.two_stage import sensitivity

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(sensitivity, "QUICK", sensitivity.Sizes(draws=2, grid=2, map=2, trained=2))


@pytest.fixture
def quick(few, tiny):
    return ["study", "sensitivity", "--quick", "--seeds", 1, *tiny]


def test_the_study_writes_tables_and_pictures_and_says_where_the_paper_is_right(
    quick, ask, tmp_path
):
    run = tmp_path / "run"
    told = ask(*quick, "--y", "uplink_gain", "--out", run)
    assert told["verdict"].startswith("Where a round limit binds, the joint design")
    assert len(told["rows"]) == 13
    for name in ("values", "map", "trained"):
        assert (run / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert len(pd.read_csv(run / "planned-grid.csv")) == 16
    assert len(pd.read_csv(run / "planned-limited.csv")) == 4
    mapped = pd.read_csv(run / "map.csv")
    assert len(mapped) == 4 and sorted(mapped["uplink_gain"]) == [0, 0, 1, 1]
    trained = pd.read_csv(run / "trained.csv")
    assert len(trained) <= 2 and trained["joint"].notna().all()
    again = ask("study", "sensitivity", "--resume", run)
    assert again["rows"] == told["rows"] and again["verdict"] == told["verdict"]


def test_a_map_over_what_the_paper_gives_is_refused_before_anything_is_written(
    quick, refusal, tmp_path
):
    run = tmp_path / "run"
    refused = refusal(*quick, "--x", "delay_budget_s", "--out", run)
    assert refused.startswith("value that the paper leaves open must be one of")
    assert not run.exists()


def test_without_seeds_it_plans_alone(quick, ask, tmp_path):
    told = ask(*quick, "--seeds", 0, "--out", tmp_path / "run")
    assert told["verdict"].endswith("Nothing was trained.")
    assert not (tmp_path / "run" / "trained.png").exists()


def test_the_study_is_of_the_two_stage_system_alone(quick, refusal, tmp_path):
    refused = refusal("study", "sensitivity", "--scenario", "partitioned-digits", "--out", tmp_path)
    assert refused.startswith("scenario must be of system 'two-stage'")
