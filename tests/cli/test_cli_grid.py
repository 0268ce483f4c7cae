import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from baselines import SCHEMES
from baselines.two_stage.algorithm1 import solve_cells
from edgegym import load_scenario

OPTIONS = ("--scenario", "digits", "--stride", 100, "--jobs", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, succeed):
    path = tmp_path_factory.mktemp("grid") / "digits"
    succeed("grid", *OPTIONS, "--out", path)
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in (folder / "rows").glob("[!.]*")}


def test_the_grid_holds_every_cell_and_the_limits(folder):
    cells = pd.read_csv(folder / "grid.csv")
    assert len(cells) == 4 * 7 - 1
    scenario = load_scenario("digits")
    assert cells["n_pretrain_rounds"].max() == scenario.max_pretrain_rounds
    assert cells["n_finetune_rounds"].max() == scenario.max_finetune_rounds
    found = solve_cells(scenario, SCHEMES["joint"], [(300, 200)])[300, 200]
    row = cells.query("n_pretrain_rounds == 300 and n_finetune_rounds == 200")
    assert row["gradient_norm_bound"].item() == pytest.approx(found.gradient_norm_bound, rel=1e-6)


def test_the_best_cell_is_printed(folder, ask):
    best = ask("grid", *OPTIONS, "--out", folder)
    cells = pd.read_csv(folder / "grid.csv")
    assert best["gradient_norm_bound"] == cells["gradient_norm_bound"].min()
    assert best["feasible"] == cells["gradient_norm_bound"].notna().sum() < best["cells"]


def test_a_killed_grid_goes_on_to_the_same_table(folder, tmp_path, succeed):
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "edgegym", "grid", *map(str, OPTIONS), "--out", str(killed)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not contents(killed):
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = contents(killed)
    assert finished
    succeed("grid", *OPTIONS, "--out", killed)
    assert finished.items() <= contents(killed).items()
    assert (killed / "grid.csv").read_bytes() == (folder / "grid.csv").read_bytes()


def test_a_folder_of_another_job_is_refused(folder, refusal, tmp_path):
    other = refusal("grid", "--scenario", "digits", "--stride", 50, "--out", folder)
    assert "--out must be the folder of the same scenario, scheme and stride; got" in other
    (tmp_path / "mine.txt").write_text("precious")
    assert "--out must be a new or a grid's folder; got" in refusal(
        "grid", *OPTIONS, "--out", tmp_path
    )


def test_a_damaged_row_is_named(folder, refusal):
    row = folder / "rows" / "300.csv"
    text = row.read_text()
    try:
        row.write_text("nonsense")
        assert "300.csv" in refusal("grid", *OPTIONS, "--out", folder)
        assert row.read_text() == "nonsense"
    finally:
        row.write_text(text)


def test_budgets_that_allow_no_cell_are_named(refusal, tmp_path):
    poor = ("--set", "delay_budget_s=1e-5")
    assert "budgets must allow at least one cell" in refusal(
        "grid", *OPTIONS, *poor, "--out", tmp_path / "poor"
    )
