from importlib.metadata import version

import pytest

from edgegym.bench.environment import BATCH_SIZES


def test_doctor_reports_versions_hardware_data_and_a_working_solver(ask):
    report = ask("doctor")
    for package in ("edgegym", "numpy", "torch", "cvxpy", "clarabel", "gymnasium"):
        assert report[f"version of {package}"] == version(package)
    assert report["cores"] >= 1
    assert {"python", "torch threads by default", "GPU", "data folder"} <= report.keys()
    assert "optimal" in report["solver"]
    assert "end code 1" in report["environment"]


def test_doctor_finds_the_data_sets_of_the_folder_it_is_given(ask, tmp_path):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    report = ask("doctor", "--data-dir", tmp_path)
    assert report["data folder"] == str(tmp_path)
    assert report["data sets there"] == "mnist"


def test_doctor_examines_the_scenario_it_is_given(ask):
    report = ask("doctor", "--scenario", "mnist", "--seed", 3)
    assert "plans mnist: optimal" in report["solver"]
    poor = ask("doctor", "--set", "delay_budget_s=1e-4")
    assert "infeasible" in poor["solver"]
    assert "no plan" in poor["environment"]


def test_bench_env_gives_a_row_for_each_stage_and_batch(ask):
    rows = ask("bench", "env", "--rounds", 2, "--repeats", 1)["rows"]
    cases = [(row["stage"], row["batch_size"]) for row in rows]
    assert cases == [(s, size) for s in ("pretrain", "finetune") for size in BATCH_SIZES]
    speeds = ("env_rounds_per_s", "bare_rounds_per_s", "time_ratio", "no_validation_ratio")
    for row in rows:
        assert row.keys() == {"stage", "batch_size", *speeds}
        assert all(row[key] > 0 for key in speeds)


def test_bench_planner_times_both_planners_and_gives_both_bounds(ask):
    options = ("--repeats", 1, "--scenario", "digits", "--grid", 4, "--devices", 3, "--devices", 1)
    rows = ask("bench", "planner", *options)["rows"]
    assert [(row.pop("scenario"), row["n_devices"]) for row in rows] == [
        ("digits", 3),
        ("digits", 1),
    ]
    times = ("exact_cold_ms", "exact_warm_ms", "algorithm1_grid_s", "algorithm1_full_grid_days")
    for row in rows:
        bounds = ("grid_time_ratio", "exact_bound", "algorithm1_bound", "gap")
        assert row.keys() == {"n_devices", *times, *bounds}
        assert all(value > 0 for value in row.values())
        assert row["exact_bound"] <= row["algorithm1_bound"] * (1 + 1e-6)


def test_bench_fading_pairs_three_planners_on_the_same_channels(ask):
    small = ("--set", "max_pretrain_rounds=20", "--set", "delay_budget_s=8")
    found = ask("bench", "fading", "--scenario", "digits", "--seeds", 2, "--jobs", 1, *small)
    assert [row["seed"] for row in found["rows"]] == [0, 1]
    assert found["mean_channel_minus_receding"] > 0
    assert found["least_receding_above_known_gains"] > -1e-6
    assert all(row["receding_is_success"] for row in found["rows"])


@pytest.mark.parametrize("option", ["--rounds", "--repeats"])
def test_bench_refuses_no_rounds_and_no_repeats(invoke, option):
    assert invoke("bench", "env", option, 0).exit_code == 2


def test_bench_planner_refuses_infeasible_budgets(refusal):
    sentence = refusal("bench", "planner", "--set", "delay_budget_s=1e-4")
    assert "delay_budget_s" in sentence
