import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("in_process")


def test_the_study_measures_plans_trains_and_judges_fig_6(ask, tiny, tmp_path):
    run = tmp_path / "run"
    told = ask("study", "shift", "--quick", "--seeds", 2, *tiny, "--out", run)
    assert told["verdict"].startswith("With the scenario's M^max the trend of Fig. 6 ")
    assert [row["value"] for row in told["rows"]] == [0.0, 90.0, 0.0, 1.0]
    assert (run / "shift.png").read_bytes().startswith(b"\x89PNG\r\n")
    plans = pd.read_csv(run / "plans.csv")
    assert set(plans["plan"]) == {"finetune-only", "M^max x 1", "no M^max"}
    assert plans["delay_share"].between(0, 1).all()
    assert len(pd.read_csv(run / "trained.csv")) == 2 * len(plans)
    again = ask("study", "shift", "--resume", run)
    assert again["rows"] == told["rows"] and again["verdict"] == told["verdict"]
