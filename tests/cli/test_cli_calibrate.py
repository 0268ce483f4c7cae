import json
import shutil

import pandas as pd
import pytest
from strategies import TINY_SCENARIO

from edgegym import InputError, load_scenario
from edgegym.systems.two_stage.emulator_file import load_emulator

TINY = [part for key, value in TINY_SCENARIO.items() for part in ("--set", f"{key}={value}")]
FEW = ["--plans", "7", "--tests", "3", "--repeats", "2", "--seeds", "2", "--jobs", "1", *TINY]


@pytest.mark.slow
def test_a_calibration_writes_what_it_found_and_a_cut_one_goes_on(ask, tmp_path):
    run = tmp_path / "run"
    report = ask("calibrate", *FEW, "--out", run)
    assert json.loads((run / "report.json").read_text()) == report
    assert report["emulator"]["n_plans"] == 3
    assert set(report["constants"]) == {"shipped", "measured", "effective"}
    assert [row["constants"] for row in report["plans"]] == [
        "shipped",
        *("measured", "measured, worst case", "measured, bound target"),
        *("effective", "effective, worst case", "effective, bound target"),
        "measured, every round",
    ]
    assert all(row["test_loss"] > 0 for row in report["plans"])
    assert len(list((run / "recordings").iterdir())) == 7 - 3 + 3 * 2
    for name, constants in list(report["constants"].items())[1:]:
        written = load_scenario(run / f"digits-{name}.toml")
        assert written.name == f"digits-{name}"
        for key, value in constants.items():
            assert getattr(written, key) == pytest.approx(value, rel=1e-3)
        for key, ends in report["intervals"][name].items():
            assert getattr(written.constant_intervals, key) == pytest.approx(ends, rel=1e-3)
    tiny = load_scenario("digits").replace(**TINY_SCENARIO)
    emulator = load_emulator(tiny, run / "emulator.json")
    assert emulator.learning == tiny.learning and emulator.resampled
    assert emulator.pretrain_bound_noise and emulator.finetune_bound_noise
    assert pd.read_csv(run / "test-plans.csv")["n_seeds"].tolist() == [2, 2, 2]
    for picture in ("emulator.png", "constants.png"):
        assert (run / picture).stat().st_size > 10_000
    with pytest.raises(InputError, match="run folder must be new"):
        ask("calibrate", *FEW, "--out", run)
    for lost in ("recordings/0-1.json", "report.json"):
        (run / lost).unlink()
    shutil.rmtree(run / "episodes")
    assert ask("calibrate", "--resume", run, "--jobs", "1") == report


def test_a_folder_without_a_calibration_cannot_be_resumed(invoke, tmp_path):
    with pytest.raises(InputError, match=r"calibration\.json"):
        invoke("calibrate", "--resume", tmp_path)


def test_only_the_papers_rounds_are_calibrated(refusal, tmp_path):
    out = tmp_path / "run"
    sentence = refusal("calibrate", "--set", "federation.n_local_steps=5", "--out", out)
    assert "federation must be the paper's to be calibrated; got 5 local steps" in sentence
    assert not out.exists()
