import pytest
from run_folders import (
    calibration_folder,
    compare_folder,
    evaluate_folder,
    figure_folder,
    training_folder,
)

from edgegym.report.folder import report


@pytest.fixture
def run_dir(tmp_path):
    return compare_folder(tmp_path / "run", {"joint": [0.2, 0.4], "fixed-power": [0.5, 0.9]})


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_is_written_into_the_run_folder(run_dir, succeed):
    assert str(run_dir / "report.html") in succeed("report", run_dir)
    text = (run_dir / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text == report(run_dir)


def test_or_to_a_place_of_ones_own_and_the_run_folder_stays(run_dir, tmp_path, ask):
    before = contents(run_dir)
    page = tmp_path / "new" / "page.html"
    told = ask("report", run_dir, "--out", page)
    assert told["report"] == str(page)
    assert told["bytes"] == page.stat().st_size
    assert contents(run_dir) == before


def test_a_folder_that_is_not_there_is_named(refusal, tmp_path):
    sentence = refusal("report", tmp_path / "none")
    assert sentence.startswith("run folder must exist; got ")
    assert str(tmp_path / "none") in sentence
    assert not (tmp_path / "none").exists()


def test_a_folder_without_a_run_is_told_what_can_be_reported(refusal, tmp_path):
    sentence = refusal("report", tmp_path)
    assert "must hold manifest.json, training.json, calibration.json" in sentence
    assert "compare, evaluate, figure, train or calibrate" in sentence


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b"\xff\xfe"])
def test_a_damaged_manifest_is_named(refusal, run_dir, damage):
    (run_dir / "manifest.json").write_bytes(damage)
    before = contents(run_dir)
    assert str(run_dir / "manifest.json") in refusal("report", run_dir)
    assert contents(run_dir) == before


@pytest.mark.parametrize(
    "damage", [b"", b"design,seed\n", b"\xff\xfe\x00", b"seed,test_loss\n1,2,3\n4,5,6,7\n"]
)
def test_a_damaged_table_is_named_with_the_command_that_mends_it(refusal, run_dir, damage):
    (run_dir / "results.csv").write_bytes(damage)
    sentence = refusal("report", run_dir)
    assert sentence.startswith(f"table {str(run_dir / 'results.csv')!r} must be whole")
    assert f"edgegym compare --resume {run_dir}" in sentence
    assert not (run_dir / "report.html").exists()


def test_a_word_among_the_numbers_is_found(refusal, run_dir):
    path = run_dir / "results.csv"
    path.write_text(path.read_text().replace("0.9", "much"))
    assert "much" in refusal("report", run_dir)


def test_missing_rows_are_counted(refusal, run_dir):
    path = run_dir / "results.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    sentence = refusal("report", run_dir)
    assert "must hold the 4 episodes of its manifest; got 3" in sentence
    assert "--resume" in sentence


def test_a_run_that_is_not_finished_says_how_to_finish_it(refusal, tmp_path):
    ways = {
        "compare": (lambda folder: compare_folder(folder, {"joint": [0.5]}), "results.csv"),
        "evaluate": (evaluate_folder, "results.csv"),
        "figure 4": (figure_folder, "results.csv"),
        "train": (training_folder, "ppo-seed1/agent/agent.json"),
        "calibrate": (calibration_folder, "report.json"),
    }
    for number, (command, (make, missing)) in enumerate(ways.items()):
        folder = make(tmp_path / str(number))
        (folder / missing).unlink()
        sentence = refusal("report", folder)
        assert "must hold a finished" in sentence
        assert f"edgegym {command} --resume {folder}" in sentence


def test_a_place_that_cannot_be_written_is_named(refusal, run_dir, tmp_path):
    (tmp_path / "taken" / "by").mkdir(parents=True)
    sentence = refusal("report", run_dir, "--out", tmp_path / "taken")
    assert "must be writable" in sentence
    assert "Choose another place" in sentence


def test_a_picture_that_cannot_be_read_is_named(refusal, run_dir):
    (run_dir / "broken.png").mkdir()
    assert str(run_dir / "broken.png") in refusal("report", run_dir)
