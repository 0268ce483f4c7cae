import json

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.usefixtures("on_the_cpu")
def test_the_study_writes_its_tables_and_a_picture_and_a_cut_one_goes_on(ask, tiny, tmp_path):
    run = tmp_path / "run"
    told = ask("study", "bound", "--quick", "--seeds", 2, *tiny, "--out", run)
    assert told["verdict"].startswith("Over ") and told["rows"][-1]["stage"] == "both"
    names = {"study.json", "distances", "runs", "sides.csv", "limit.csv", "variance.csv"}
    assert {path.name for path in run.iterdir()} == names | {"sides.png"}
    assert (run / "sides.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert pd.read_csv(run / "limit.csv")["round"].is_monotonic_increasing
    (run / "runs" / "seed1.json").unlink()
    again = ask("study", "bound", "--resume", run)
    assert again["rows"] == told["rows"] and again["verdict"] == told["verdict"]
    assert len(json.loads((run / "runs" / "seed0.json").read_text())["rounds"]) > 2
