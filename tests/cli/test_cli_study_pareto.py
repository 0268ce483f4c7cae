import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("in_process")


def test_the_study_draws_the_surface_and_counts_the_fronts(ask, tiny, tmp_path):
    run = tmp_path / "run"
    told = ask("study", "pareto", "--quick", "--seeds", 2, *tiny, "--out", run)
    assert told["verdict"].startswith("The joint design has the least bound (34) at ")
    assert told["rows"][0]["scheme"] == "joint"
    assert (run / "surface.png").read_bytes().startswith(b"\x89PNG\r\n")
    plans = pd.read_csv(run / "plans.csv")
    assert plans["on_own_front"].sum() >= plans["on_front"].sum() > 0
    assert len(pd.read_csv(run / "trained.csv")) == 2 * len(plans)
    again = ask("study", "pareto", "--resume", run)
    assert again["rows"] == told["rows"] and again["verdict"] == told["verdict"]
