import itertools
import re

import numpy as np
import pytest

import baselines
from baselines.two_stage import algorithm1
from baselines.two_stage.algorithm1 import solve_cells
from edgegym import Plan, evaluate, load_scenario

PROMISED = {
    *("scenario", "scheme", "method", "status", "n_pretrain_rounds", "n_finetune_rounds"),
    *("pretrain_batch_size", "server_clock_hz", "finetune_batch_size", "device_clock_hz"),
    *("device_tx_power_w", "gradient_norm_bound", "relaxed_bound", "gap"),
    *("total_delay_s", "total_energy_j", "violations", "seconds"),
}
PER_DEVICE = ("finetune_batch_size", "device_clock_hz", "device_tx_power_w")
INFEASIBLE = [
    ("joint", {"delay_budget_s": 1e-4}),
    ("joint", {"delay_budget_s": 1e-3, "energy_budget_j": 1e-9}),
    ("fixed-power", {"delay_budget_s": 1e-4}),
    ("fixed-clock", {"energy_budget_j": 1e-3}),
    ("fixed-batch", {"delay_budget_s": 1e-3}),
    ("pretrain-only", {"delay_budget_s": 1e-5}),
    ("finetune-only", {"delay_budget_s": 0.1}),
    ("finetune-only", {"energy_budget_j": 1e-2}),
    ("finetune-only", {"delay_budget_s": 0.1, "energy_budget_j": 1e-2}),
]


def options(changes):
    return [part for key, value in changes.items() for part in ("--set", f"{key}={value!r}")]


@pytest.mark.parametrize("scheme", baselines.SCHEMES)
def test_json_holds_every_promised_key_and_a_plan_without_violations(ask, scheme):
    report = ask("plan", "--scheme", scheme)
    assert report.keys() >= PROMISED
    assert (report["scenario"], report["scheme"], report["method"]) == ("digits", scheme, "exact")
    assert report["status"] == "optimal"
    assert report["violations"] == {}
    assert report["seconds"] > 0
    assert -1e-6 < report["gap"] < 0.01  # the relaxed bound is as good as the solver


@pytest.mark.parametrize("scheme", ["joint", "fixed-clock", "finetune-only"])
def test_json_gives_device_values_as_lists_of_one_number_per_device(ask, scheme):
    report = ask("plan", "--scheme", scheme)
    for key in PER_DEVICE:
        assert len(report[key]) == load_scenario("digits").n_devices
        assert all(isinstance(value, int | float) and value > 0 for value in report[key])


def test_json_gives_nothing_for_a_stage_without_rounds(ask):
    pretrain, finetune = (
        ask("plan", "--scheme", scheme) for scheme in ("pretrain-only", "finetune-only")
    )
    assert all(pretrain[key] is None for key in PER_DEVICE)
    assert pretrain["n_finetune_rounds"] == finetune["n_pretrain_rounds"] == 0
    assert finetune["pretrain_batch_size"] is finetune["server_clock_hz"] is None


def test_json_agrees_with_the_planner_and_the_referee(ask):
    report, scenario = ask("plan", "--scenario", "mnist"), load_scenario("mnist")
    planned = baselines.plan(scenario)
    outcome = evaluate(planned.plan, scenario)
    assert report["gradient_norm_bound"] == pytest.approx(planned.gradient_norm_bound, rel=1e-6)
    assert report["n_finetune_rounds"] == planned.plan.n_finetune_rounds
    assert report["total_delay_s"] == pytest.approx(outcome.total_delay_s, rel=1e-6)
    assert report["total_energy_j"] == pytest.approx(outcome.total_energy_j, rel=1e-6)


def test_algorithm_1_ends_between_the_relaxed_bound_and_one_percent_above_it(ask):
    report = ask("plan", "--method", "sca", "--grid", 4)
    assert (report["method"], report["violations"]) == ("sca", {})
    assert 1 <= report["gradient_norm_bound"] / report["relaxed_bound"] < 1.01


def test_the_search_of_the_coarsest_grid_that_is_allowed_ends(ask, monkeypatch):
    n_refinements = itertools.count(1)

    def solve_counted(*arguments):
        assert next(n_refinements) <= 100, "the search goes round in circles"
        return solve_cells(*arguments)

    monkeypatch.setattr(algorithm1, "solve_cells", solve_counted)
    assert ask("plan", "--method", "sca", "--grid", 3)["violations"] == {}


def test_the_seed_changes_no_plan(ask):
    first, second = ask("plan", "--seed", 0), ask("plan", "--seed", 7)
    del first["seconds"], second["seconds"]
    assert first == second


def test_set_changes_the_scenario_that_is_planned(ask):
    report = ask("plan", "--set", "max_pretrain_rounds=20", "--set", "delay_budget_s = 50")
    assert report["n_pretrain_rounds"] <= 20
    assert report["total_delay_s"] <= 50


def test_the_table_for_people_names_every_promised_value(succeed):
    table = succeed("plan")
    assert all(key in table for key in PROMISED)


@pytest.mark.parametrize("scheme", baselines.SCHEMES)
def test_a_written_plan_is_played_at_the_cost_it_promised(ask, tmp_path, scheme):
    path = tmp_path / "new folder" / "plan.json"
    planned = ask("plan", "--scheme", scheme, "--out", path)
    played = ask("run", "--plan", path, "--fidelity", "bound")
    for key in ("total_delay_s", "total_energy_j", "gradient_norm_bound"):
        assert played[key] == pytest.approx(planned[key], rel=1e-5)
    for key in ("n_pretrain_rounds", "n_finetune_rounds"):
        assert played[key] == planned[key]
    assert played["is_success"] is True


def test_the_written_plan_is_the_printed_one(ask, tmp_path):
    report = ask("plan", "--out", tmp_path / "plan.json")
    plan = Plan.load(tmp_path / "plan.json")
    for key in ("pretrain_batch_size", "server_clock_hz", *PER_DEVICE):
        assert np.all(getattr(plan, key) == np.asarray(report[key]))
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize(("scheme", "budgets"), INFEASIBLE)
def test_budgets_too_small_end_with_status_2_and_no_numbers(invoke, read_object, scheme, budgets):
    result = invoke("plan", "--json", "--scheme", scheme, *options(budgets))
    report = read_object(result.stdout)
    assert result.exit_code == 2
    assert report["status"] == "infeasible"
    assert report.keys() >= PROMISED
    given = {"scenario", "system", "scheme", "method", "status", "message"} | {"remarks", "seconds"}
    assert all(report[key] is None for key in report.keys() - given)


@pytest.mark.parametrize(("scheme", "budgets"), INFEASIBLE)
def test_budgets_too_small_are_answered_by_one_sentence(invoke, scheme, budgets):
    result = invoke("plan", "--scheme", scheme, *options(budgets))
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"must allow one round of scheme {scheme}" in result.stderr
    for key, value in budgets.items():
        assert key in result.stderr
        assert f"got {value:g}" in result.stderr or f"and {value:g} J" in result.stderr


@pytest.mark.parametrize(("scheme", "budgets"), INFEASIBLE)
def test_each_least_budget_of_the_sentence_is_enough_and_less_is_not(invoke, ask, scheme, budgets):
    refused = invoke("plan", "--scheme", scheme, *options(budgets))
    least = dict(re.findall(r"(\w+_budget_\w+) = (\S+)", refused.stderr))
    for key, value in least.items():
        report = ask("plan", "--scheme", scheme, *options(budgets | {key: float(value)}))
        assert report["violations"] == {}
        less = options(budgets | {key: 0.998 * float(value)})
        assert invoke("plan", "--scheme", scheme, *less).exit_code == 2
    assert least or "Raise both" in refused.stderr


@pytest.mark.parametrize("method", baselines.METHODS)
@pytest.mark.parametrize("scheme", ["joint", "fixed-clock", "pretrain-only"])
def test_a_delay_budget_of_exactly_two_of_the_fastest_rounds_has_a_plan(ask, scheme, method):
    # one sample of 1e6 FLOP at 1.6e9 Hz takes 0.000625 s
    options = ("--scheme", scheme, "--method", method, "--set", "delay_budget_s=0.00125")
    report = ask("plan", *options)
    assert report["n_pretrain_rounds"] >= 1
    assert report["violations"] == {}


def test_the_least_values_for_both_budgets_are_named_where_either_would_do(invoke):
    refused = invoke("plan", "--scheme", "fixed-clock", "--set", "energy_budget_j=0.01")
    assert "energy_budget_j = 0.04" in refused.stderr


def test_an_infeasible_plan_leaves_the_old_file(invoke, plan_file):
    before = plan_file.read_bytes()
    assert invoke("plan", "--out", plan_file, "--set", "delay_budget_s=1e-4").exit_code == 2
    assert plan_file.read_bytes() == before


def test_infeasible_budgets_end_the_process_with_status_2(console, read_object):
    done = console("plan", "--json", "--set", "delay_budget_s=1e-4")
    assert done.returncode == 2
    assert read_object(done.stdout)["status"] == "infeasible"
    assert done.stderr.startswith("edgegym: ")
    assert done.stderr.count("\n") == 1


def test_a_feasible_plan_ends_the_process_with_status_0_and_a_silent_error_stream(
    console, read_object
):
    done = console("plan", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert read_object(done.stdout)["status"] == "optimal"


def test_a_plan_says_what_is_hardly_meant_and_goes_on(ask, succeed):
    changes = ("--set", "uplink_gain=[51.7, 1e-5, 1e-5]", "--set", "learning_rate=0.2")
    report = ask("plan", *changes)
    assert [remark.split()[0] for remark in report["remarks"]] == ["uplink_gain", "learning_rate"]
    assert report["violations"] == {}
    text = succeed("plan", *changes)
    assert all(remark in text for remark in report["remarks"])
    assert ask("plan")["remarks"] == []


def test_a_unit_that_leaves_no_plan_is_remarked_on(invoke):
    result = invoke("plan", "--scheme", "finetune-only", "--set", "uplink_bandwidth_hz=0.1")
    assert result.exit_code == 2
    assert result.stderr.startswith("uplink_bandwidth_hz is 0.1, and at least 1000 is usual. 0.1 M")
    assert "\nedgegym: delay_budget_s and energy_budget_j must allow one round" in result.stderr
