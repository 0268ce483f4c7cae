import pandas as pd
import pytest

from edgegym import load_scenario

FINAL = {
    *("scenario", "seed", "n_pretrain_rounds", "n_finetune_rounds", "total_delay_s"),
    *("total_energy_j", "gradient_norm_bound", "validation_loss", "return", "end_code"),
    *("is_success", "validation_accuracy", "cost"),
}


def test_json_at_fidelity_bound_holds_the_final_figures_of_the_ledger_alone(ask):
    report = ask("run", "--fidelity", "bound", "--seed", 3)
    assert report.keys() == FINAL
    assert report["seed"] == 3


def test_a_scheme_is_planned_and_played(ask):
    planned = ask("plan", "--scheme", "fixed-power")
    played = ask("run", "--scheme", "fixed-power", "--fidelity", "bound")
    assert played["total_delay_s"] == pytest.approx(planned["total_delay_s"], rel=1e-5)


def test_rounds_are_written_one_a_row(ask, tmp_path):
    path = tmp_path / "rounds.csv"
    report = ask("run", "--fidelity", "bound", "--out", path)
    rounds = pd.read_csv(path)
    assert len(rounds) == report["n_pretrain_rounds"] + report["n_finetune_rounds"]
    assert rounds["delay_s"].iloc[-1] == pytest.approx(report["total_delay_s"])
    assert rounds["energy_j"].is_monotonic_increasing


def test_training_is_told_apart_by_the_seed_and_by_nothing_else(ask, tiny):
    first, again, other = (ask("run", *tiny, "--seed", seed) for seed in (5, 5, 6))
    assert first == again
    assert first["test_loss"] != other["test_loss"]
    assert 0 <= first["test_accuracy"] <= 1


def test_the_table_for_people_names_every_figure(succeed):
    table = succeed("run", "--fidelity", "bound")
    assert all(key in table for key in FINAL - {"scenario", "seed"})


def test_infeasible_budgets_are_refused(refusal):
    sentence = refusal("run", "--fidelity", "bound", "--set", "delay_budget_s=1e-4")
    assert "delay_budget_s" in sentence


@pytest.mark.parametrize("scheme", ["joint", "pretrain-only", "finetune-only"])
def test_a_plan_with_time_to_spare_is_played_to_its_end(ask, scheme):
    spare = ("--set", "max_pretrain_rounds=4", "--set", "max_finetune_rounds=4")
    report = ask("run", "--scheme", scheme, "--fidelity", "bound", *spare)
    assert report["is_success"] is True
    assert report["total_delay_s"] <= load_scenario("digits").delay_budget_s


def test_a_federation_is_trained_and_tells_of_every_device(ask, tiny):
    plain, other = (
        ask("run", *tiny, *changes)
        for changes in ((), ("--set", "federation.n_local_steps=3", "--set", "static_power_w=0.01"))
    )
    assert other["test_loss"] != plain["test_loss"]
    accuracies = other["devices"]["test_accuracy_of_device"]
    assert len(accuracies) == 3
    assert other["worst_device_accuracy"] == min(accuracies)
