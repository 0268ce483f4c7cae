import json
import shutil

import pandas as pd
import pytest
from strategies import TINY_SCENARIO

from edgegym import load_scenario
from edgegym.lifecycle.state import EndCode
from edgegym.systems.two_stage import TWO_STAGE

#: The rows that can be planned: for so few samples no emulator was fitted.
DESIGNS = [*TWO_STAGE.designs_of(load_scenario("digits").replace(**TINY_SCENARIO))]
TABLES = ("results.csv", "rounds.csv")
PICTURES = ("loss-over-time.png", "loss-over-energy.png", "accuracy-over-time.png")
TRAINED = ("train_loss", "test_loss", "test_accuracy")


@pytest.fixture(scope="session")
def compare_options(tiny):
    return ["compare", *tiny, "--seeds", 2, "--grid", 4, "--device", "cpu"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory, ask, compare_options):
    """Run a comparison that nothing breaks: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, ask(*compare_options, "--jobs", 2, "--out", folder)


@pytest.fixture
def run_copy(whole, tmp_path):
    return shutil.copytree(whole[0], tmp_path / "run")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tables(folder):
    return [(folder / name).read_bytes() for name in TABLES]


def episodes(folder):
    return sorted((folder / "episodes").glob("[!.]*.json"))


def make_diverged(path):
    episode = json.loads(path.read_text())
    final = {key: value for key, value in episode["final"].items() if key not in TRAINED}
    final |= {"end_code": int(EndCode.DIVERGED), "is_success": False}
    path.write_text(json.dumps(episode | {"final": final}))


def test_a_run_folder_holds_tables_manifest_and_pictures(whole):
    names = {path.name for path in whole[0].iterdir()}
    assert names == {*TABLES, *PICTURES, "devices.csv", "manifest.json", "episodes"}
    for name in PICTURES:
        assert (whole[0] / name).read_bytes().startswith(b"\x89PNG\r\n")


def test_results_hold_one_row_for_each_design_and_seed(whole):
    results = pd.read_csv(whole[0] / "results.csv")
    rows = list(results[["design", "seed"]].itertuples(index=False, name=None))
    assert rows == [(design, seed) for design in DESIGNS for seed in (0, 1)]
    assert results["is_success"].all()
    assert results[list(TRAINED)].notna().all(axis=None)
    assert (results["total_delay_s"] <= 1.5).all()
    assert (results["total_energy_j"] <= 0.5).all()


def test_devices_hold_one_row_for_each_of_an_episode_and_results_the_worst(whole):
    results, devices = (pd.read_csv(whole[0] / name) for name in ("results.csv", "devices.csv"))
    episodes = devices.groupby(["design", "seed"], sort=False)
    assert episodes["device"].apply(list).tolist() == [[0, 1, 2]] * len(results)
    worst = episodes["test_accuracy_of_device"].min()
    assert worst.tolist() == pytest.approx(results["worst_device_accuracy"].tolist())
    spread = episodes["test_accuracy_of_device"].std(ddof=0)
    assert spread.tolist() == pytest.approx(results["device_accuracy_spread"].tolist())


def test_rounds_hold_one_row_for_each_round_played(whole):
    results, rounds = (pd.read_csv(whole[0] / name) for name in TABLES)
    expected = results["n_pretrain_rounds"] + results["n_finetune_rounds"]
    counts = rounds.groupby(["design", "seed"], sort=False).size()
    assert counts.tolist() == expected.tolist()
    last = rounds.groupby(["design", "seed"], sort=False)["delay_s"].last()
    assert last.tolist() == results["total_delay_s"].tolist()


def test_every_design_plays_the_rounds_that_the_manifest_plans(whole):
    manifest = json.loads((whole[0] / "manifest.json").read_text())
    results = pd.read_csv(whole[0] / "results.csv")
    assert list(manifest["designs"]) == list(DESIGNS)
    assert manifest["seeds"] == [0, 1]
    assert manifest["scenario"]["max_pretrain_rounds"] == 4
    for row in results.itertuples():
        plan = manifest["designs"][row.design]["plan"]
        assert row.n_pretrain_rounds == plan["n_pretrain_rounds"]
        assert row.n_finetune_rounds == plan["n_finetune_rounds"]


def test_json_gives_the_mean_of_each_design(whole):
    folder, report = whole
    results = pd.read_csv(folder / "results.csv")
    assert (report["scenario"], report["run"]) == ("digits", str(folder))
    assert [row["design"] for row in report["rows"]] == list(DESIGNS)
    for row in report["rows"]:
        own = results[results["design"] == row["design"]]
        assert row["test_loss"] == pytest.approx(own["test_loss"].mean(), rel=1e-9)
        assert row["test_loss_interval"] > 0
        assert row["n_seeds"] == 2


@pytest.mark.slow
def test_the_same_seeds_give_the_same_tables_whatever_the_jobs(
    whole, tmp_path, ask, compare_options
):
    ask(*compare_options, "--jobs", 1, "--out", tmp_path / "again")
    assert tables(tmp_path / "again") == tables(whole[0])


def test_an_existing_run_folder_is_refused_and_left_alone(refusal, run_copy, compare_options):
    before = contents(run_copy)
    sentence = refusal(*compare_options, "--out", run_copy)
    assert str(run_copy) in sentence
    assert "--resume" in sentence
    assert contents(run_copy) == before


def test_resuming_where_no_run_is_names_the_folder_and_makes_none(refusal, tmp_path):
    assert str(tmp_path / "none") in refusal("compare", "--resume", tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe"])
def test_a_damaged_manifest_is_named_and_left_alone(refusal, run_copy, damage):
    (run_copy / "manifest.json").write_bytes(damage)
    before = contents(run_copy)
    assert str(run_copy / "manifest.json") in refusal("compare", "--resume", run_copy)
    assert contents(run_copy) == before


def test_a_manifest_with_a_damaged_plan_is_named_and_left_alone(refusal, run_copy):
    path = run_copy / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["designs"]["fixed-power"]["plan"]["server_clock_hz"]
    path.write_text(json.dumps(manifest))
    before = contents(run_copy)
    sentence = refusal("compare", "--resume", run_copy)
    assert "manifest.json" in sentence
    assert "server_clock_hz" in sentence
    assert contents(run_copy) == before


@pytest.mark.parametrize("damage", ['{"final": {"n', "{}"])
def test_a_damaged_episode_is_named_and_left_alone(refusal, run_copy, damage):
    path = episodes(run_copy)[3]
    path.write_text(damage)
    before = contents(run_copy)
    assert str(path) in refusal("compare", "--resume", run_copy)
    assert contents(run_copy) == before


@pytest.mark.slow
def test_resuming_plays_what_is_missing_and_gives_the_same_tables(whole, run_copy, ask):
    for path in [*episodes(run_copy)[::3], *(run_copy / name for name in TABLES + PICTURES)]:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in episodes(run_copy)}
    report = ask("compare", "--resume", run_copy, "--jobs", 1, "--device", "cpu")
    assert report["rows"] == whole[1]["rows"]
    assert tables(run_copy) == tables(whole[0])
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in kept.items())
    assert (run_copy / PICTURES[0]).exists()


def test_resuming_a_finished_run_prints_its_table_and_changes_nothing(whole, run_copy, succeed):
    table = succeed("compare", "--resume", run_copy, "--jobs", 1)
    assert [design for design in DESIGNS if design not in table] == []
    assert "Written to" in table
    assert tables(run_copy) == tables(whole[0])
    assert [path.name for path in episodes(run_copy)] == [p.name for p in episodes(whole[0])]


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_tables_of_an_unbroken_one(
    whole, tmp_path, ask, compare_options, start_and_kill
):
    folder = tmp_path / "killed"
    start_and_kill(*compare_options, "--jobs", 1, "--out", folder)
    finished = {path: path.read_bytes() for path in episodes(folder)}
    assert finished
    ask("compare", "--resume", folder, "--jobs", 1, "--device", "cpu")
    assert tables(folder) == tables(whole[0])
    assert finished.items() <= contents(folder / "episodes").items()


def test_a_diverged_design_is_reported_and_the_others_are_kept(invoke, run_copy):
    manifest = json.loads((run_copy / "manifest.json").read_text())
    rows = pd.read_csv(run_copy / "results.csv")
    n_rounds = manifest["designs"]["pretrain-only"]["plan"]["n_pretrain_rounds"]
    only = rows[(rows["n_finetune_rounds"] == 0) & (rows["n_pretrain_rounds"] == n_rounds)]
    for path in episodes(run_copy):
        if json.loads(path.read_text())["final"]["test_loss"] in only["test_loss"].tolist():
            make_diverged(path)
    result = invoke("compare", "--resume", run_copy, "--jobs", 1)
    assert result.exit_code == 0
    assert "pretrain-only: training diverged in 2 runs" in result.stdout


@pytest.mark.slow
def test_a_run_in_which_everything_diverged_is_reported(invoke, run_copy):
    for path in episodes(run_copy):
        make_diverged(path)
    result = invoke("compare", "--resume", run_copy, "--jobs", 1)
    assert result.exit_code == 0
    for design in DESIGNS:
        assert f"{design}: training diverged in 2 runs" in result.stdout


@pytest.mark.slow
def test_a_design_that_the_budgets_do_not_allow_is_named_and_the_others_are_compared(
    succeed, tmp_path, compare_options
):
    tight = ("--set", "delay_budget_s=0.4", "--set", "pretrain_batch_size_limit=700")
    options = (*tight, "--seeds", 1, "--jobs", 1)
    text = succeed(*compare_options, *options, "--out", tmp_path / "run")
    assert "fixed-batch is infeasible: delay_budget_s" in text
    designs = pd.read_csv(tmp_path / "run" / "results.csv")["design"].tolist()
    assert designs == [name for name in DESIGNS if name != "fixed-batch"]


@pytest.mark.slow
def test_budgets_that_allow_no_design_are_refused_before_a_folder_is_made(
    refusal, tmp_path, compare_options
):
    sentence = refusal(*compare_options, "--set", "delay_budget_s=1e-5", "--out", tmp_path / "run")
    assert "delay_budget_s" in sentence
    assert not (tmp_path / "run").exists()


def test_an_unknown_device_is_refused_before_a_folder_is_made(refusal, tmp_path, compare_options):
    options = (*compare_options, "--device", "gpu", "--out", tmp_path / "run")
    assert "got 'gpu'" in refusal(*options)
    assert not (tmp_path / "run").exists()


def test_no_half_written_file_is_left_in_a_run_folder(whole):
    assert [path for path in whole[0].rglob(".*")] == []


def test_what_is_hardly_meant_is_said_before_the_run_and_below_the_table(invoke, tiny, tmp_path):
    changes = ("--set", "learning_rate=0.2")
    result = invoke("compare", *tiny, *changes, "--seeds", 1, "--jobs", 1, "--out", tmp_path / "r")
    assert result.exit_code == 0
    for text in (result.stdout, result.stderr):
        assert "learning_rate must be at most 1/smoothness = 0.1 for Theorem 3.1" in text
