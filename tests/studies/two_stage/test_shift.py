import numpy as np
import pandas as pd
import pytest

import baselines
from edgegym import load_scenario
from edgegym.studies.two_stage import shift
from edgegym.studies.two_stage.shift import FREE, NO_PRETRAINING, OWN, Shifted
from edgegym.systems.two_stage.referee import evaluate

DIGITS = load_scenario("digits")


def at_once(kind, calls):
    return {key: call() for key, call in calls.items()}


def test_the_measured_distance_grows_with_the_angle_and_with_lacking_labels():
    shifts = {
        "learning.finetune_rotation_deg": (0.0, 30.0, 90.0),
        "learning.missing_label_share": (0.0, 1.0),
    }
    moved = shift._move(at_once, DIGITS, shifts, None)
    names = [at.name for at in moved]
    assert names[0] == "finetune_rotation_deg-0" and names[-1] == "missing_label_share-1"
    still, some, much, as_before, lacking = (at.scenario.distribution_distance for at in moved)
    assert still == as_before < 0.5
    assert 5 < some < much and 1 < lacking < some
    assert moved[-1].scenario.learning.finetune_rotation_deg == 0.0


def test_the_frontier_goes_from_no_pretraining_to_all_that_the_bound_wants():
    at = Shifted("learning.finetune_rotation_deg", 45.0, DIGITS)
    splits = {split.name: split.trial for split in shift._frontier(at, (0.5, 1.0))}
    assert [*splits] == [NO_PRETRAINING, "M^max x 0.5", OWN, FREE]
    rounds = [trial.plan.n_pretrain_rounds for trial in splits.values()]
    assert rounds == sorted(rounds) and rounds[:3] == [0, 150, 300] and rounds[3] > 300
    for there, plan in splits.values():
        outcome = evaluate(plan, there)
        assert not outcome.violations
        assert outcome.total_delay_s == pytest.approx(there.delay_budget_s, rel=0.01)
    assert splits[OWN].plan.to_json() == baselines.plan(DIGITS).plan.to_json()


def test_a_plan_and_its_training_make_a_row():
    at = Shifted("learning.finetune_rotation_deg", 45.0, DIGITS)
    split = next(s for s in shift._frontier(at, (1.0,)) if s.name == OWN)
    trained = pd.DataFrame({"test_loss": [0.2, 0.4], "test_accuracy": [0.9, 0.8]})
    row = shift._row(split, trained)
    assert row["shift"] == "finetune_rotation_deg" and row["rounds"].startswith("300 + ")
    outcome = evaluate(split.trial.plan, DIGITS)
    share = outcome.pretrain_rounds.energy_j.sum() / outcome.total_energy_j
    assert row["energy_share"] == pytest.approx(share)
    assert row["test_loss"] == pytest.approx(0.3) and row["test_accuracy"] == pytest.approx(0.85)


def summary_of(own_shares, best_losses):
    """Make a study of two angles in which the plan without a limit is the best at the first."""
    plans, trained = [], []
    for value, own_share, best_loss in zip((0.0, 90.0), own_shares, best_losses, strict=True):
        for plan, share, loss in (
            (NO_PRETRAINING, 0.0, 2.0),
            (OWN, own_share, 1.0),
            (FREE, 1.0, best_loss),
        ):
            plans.append(
                {
                    "shift": "finetune_rotation_deg", "value": value, "distance": value / 4,
                    "plan": plan, "rounds": "1 + 1", "delay_share": share, "test_loss": loss,
                }
            )  # fmt: skip
            for seed in range(3):
                trial = f"finetune_rotation_deg-{value:g} {plan}"
                trained.append({"trial": trial, "seed": seed, "test_loss": loss + 0.01 * seed})
    return shift.summarise_shifts(pd.DataFrame(plans), pd.DataFrame(trained))


def test_the_best_split_is_that_with_the_lowest_loss():
    summary = summary_of((0.2, 0.1), (0.5, 3.0))
    assert summary["best_delay_share"].tolist() == [1.0, 0.1]
    assert summary["behind"].tolist() == pytest.approx([0.5, 0.0])
    assert summary["free_test_loss"].tolist() == [0.5, 3.0]
    words = shift.in_words(summary)
    assert words.startswith("With the scenario's M^max the trend of Fig. 6 holds")
    assert (
        "real training agrees" in words and "behind the best split beyond the seeds at 1" in words
    )


def test_a_trend_the_other_way_does_not_hold():
    words = shift.in_words(summary_of((0.1, 0.2), (0.5, 0.5)))
    assert words.startswith("With the scenario's M^max the trend of Fig. 6 does not hold")
    assert "real training does not agree" in words


def test_a_plan_whose_training_diverged_is_not_the_best():
    summary = summary_of((0.2, 0.1), (0.5, np.nan))
    assert summary["best_delay_share"].tolist() == [1.0, 0.1]
