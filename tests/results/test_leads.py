import pytest
from run_folders import outcome_rows

from edgegym.results.leads import FAILS, HOLDS, OPEN, lead_over


@pytest.mark.parametrize(
    ("joint", "verdict"),
    [([0.9, 0.91, 0.92], HOLDS), ([0.9, 0.5, 0.7], OPEN), ([0.1, 0.12, 0.11], FAILS)],
)
@pytest.mark.parametrize("column", ["test_accuracy", "test_loss"])
def test_a_lead_is_judged_by_the_paired_interval(joint, verdict, column):
    lead = lead_over(outcome_rows(joint=joint, fixed_power=[0.6, 0.62, 0.63]), column)
    assert lead.verdict == verdict
    assert lead.rival == "fixed-power"


def test_one_seed_settles_nothing():
    lead = lead_over(outcome_rows(joint=[0.9], fixed_power=[0.1]), "test_accuracy")
    assert lead.verdict == OPEN
    assert str(lead) == "joint 0.900, fixed-power 0.100, ahead by 0.800 on one seed"


def test_the_joint_design_is_compared_with_the_best_benchmark():
    table = outcome_rows(joint=[0.9, 0.9], fixed_power=[0.6, 0.6], fixed_clock=[0.8, 0.7])
    lead = lead_over(table, "test_accuracy")
    assert (lead.rival, lead.ahead) == ("fixed-clock", pytest.approx(0.15))
    assert lead_over(table, "test_accuracy", {"fixed-power"}).rival == "fixed-power"


def test_a_seed_whose_training_diverged_is_left_out_of_the_pairs():
    table = outcome_rows(joint=[0.9, 0.8, 0.7], fixed_power=[0.6, float("nan"), 0.4])
    assert lead_over(table, "test_accuracy").ahead == pytest.approx(0.3)


@pytest.mark.parametrize("diverged", ["joint", "fixed_power"])
def test_a_design_that_always_diverged_is_compared_with_none(diverged):
    accuracies = {"joint": [0.9, 0.9], "fixed_power": [0.5, 0.5], diverged: [float("nan")] * 2}
    assert lead_over(outcome_rows(**accuracies), "test_accuracy") is None


def test_a_benchmark_that_always_diverged_is_no_rival():
    table = outcome_rows(joint=[0.9, 0.9], fixed_power=[float("nan")] * 2, fixed_clock=[0.5, 0.6])
    assert lead_over(table, "test_accuracy").rival == "fixed-clock"
