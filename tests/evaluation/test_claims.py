import numpy as np
import pandas as pd
import pytest

from edgegym.evaluation.claims import (
    FAILS,
    HOLDS,
    OPEN,
    judge_budgets,
    judge_convergence,
    judge_distances,
    lead_over,
)

KEY = "delay_budget_s"


def rows(**accuracies):
    """Make rows of a few seeds in one budget from each scheme's accuracies."""
    return pd.DataFrame(
        [
            {
                "scheme": scheme.replace("_", "-"),
                "seed": seed,
                "test_accuracy": value,
                "test_loss": 1 - value,
                "train_loss": 1 - value,
            }
            for scheme, values in accuracies.items()
            for seed, value in enumerate(values)
        ]
    )


def swept(**by_budget):
    """Make rows of two seeds over budgets 1, 2, 3 from each scheme's mean accuracies."""
    return pd.concat(
        [
            rows(**{scheme: [values[i], values[i]] for scheme, values in by_budget.items()}).assign(
                **{KEY: float(budget)}
            )
            for i, budget in enumerate((1, 2, 3))
        ],
        ignore_index=True,
    )


def verdicts(claims):
    return [claim.verdict for claim in claims]


@pytest.mark.parametrize(
    ("joint", "verdict"),
    [([0.9, 0.91, 0.92], HOLDS), ([0.9, 0.5, 0.7], OPEN), ([0.1, 0.12, 0.11], FAILS)],
)
@pytest.mark.parametrize("column", ["test_accuracy", "test_loss"])
def test_a_lead_is_judged_by_the_paired_interval(joint, verdict, column):
    lead = lead_over(rows(joint=joint, fixed_power=[0.6, 0.62, 0.63]), column)
    assert lead.verdict == verdict
    assert lead.rival == "fixed-power"


def test_one_seed_settles_nothing():
    assert lead_over(rows(joint=[0.9], fixed_power=[0.1]), "test_accuracy").verdict == OPEN


def test_the_joint_design_is_compared_with_the_best_benchmark():
    table = rows(joint=[0.9, 0.9], fixed_power=[0.6, 0.6], fixed_clock=[0.8, 0.7])
    lead = lead_over(table, "test_accuracy")
    assert (lead.rival, lead.ahead) == ("fixed-clock", pytest.approx(0.15))
    assert lead_over(table, "test_accuracy", ["fixed-power"]).rival == "fixed-power"


def test_a_seed_whose_training_diverged_is_left_out_of_the_pairs():
    table = rows(joint=[0.9, 0.8, 0.7], fixed_power=[0.6, float("nan"), 0.4])
    assert lead_over(table, "test_accuracy").ahead == pytest.approx(0.3)


def curves(joint, rival):
    """Draw losses at 0, 20 and 100 s."""
    return pd.DataFrame(
        {
            "scheme": ["joint"] * 3 + ["fixed-power"] * 3,
            "delay_s": [0, 20, 100] * 2,
            "loss": [*joint, *rival],
        }
    )


def test_a_benchmark_that_falls_faster_at_first_is_seen():
    results = rows(joint=[0.9, 0.9], fixed_power=[0.5, 0.5])
    fast = curves([2.3, 2.0, 0.1], [2.3, 1.0, 0.5])
    slow = curves([2.3, 1.0, 0.1], [2.3, 2.0, 0.5])
    assert verdicts(judge_convergence(2, results, fast)) == [HOLDS, HOLDS, HOLDS]
    assert verdicts(judge_convergence(2, results, slow)) == [HOLDS, HOLDS, FAILS]


def test_all_claims_of_a_sweep_hold_where_they_should():
    table = swept(
        joint=[0.5, 0.8, 0.85], pretrain_only=[0.1, 0.1, 0.1], finetune_only=[0.2, 0.3, 0.4]
    )
    claims = list(judge_budgets(4, KEY, table, 2.0))
    assert verdicts(claims) == [HOLDS] * 4
    assert "14% of the growth" in claims[-1].measured


def test_accuracy_that_grows_evenly_does_not_converge():
    table = swept(joint=[0.2, 0.4, 0.6], finetune_only=[0.1, 0.1, 0.1])
    assert verdicts(judge_budgets(4, KEY, table, 2.0))[-1] == FAILS


def test_accuracy_that_falls_does_not_converge():
    table = swept(joint=[0.6, 0.5, 0.4], finetune_only=[0.1, 0.1, 0.1])
    assert verdicts(judge_budgets(4, KEY, table, 2.0))[-1] == FAILS


def test_one_budget_where_a_benchmark_wins_fails_the_claim_for_every_budget():
    table = swept(joint=[0.5, 0.8, 0.85], finetune_only=[0.6, 0.3, 0.4])
    own, everywhere, single, _ = judge_budgets(4, KEY, table, 2.0)
    assert (own.verdict, everywhere.verdict, single.verdict) == (HOLDS, FAILS, FAILS)
    assert "closest at 1: joint 0.500, finetune-only 0.600" in everywhere.measured


def test_a_budget_in_which_a_benchmark_has_no_plan_is_left_to_the_others():
    table = swept(joint=[0.5, 0.8, 0.85], fixed_batch=[0.1, 0.2, 0.3], finetune_only=[0.2] * 3)
    table = table[(table["scheme"] != "fixed-batch") | (table[KEY] > 1)]
    assert verdicts(judge_budgets(4, KEY, table, 2.0))[:3] == [HOLDS] * 3


def stages(pretrain, finetune):
    return pd.DataFrame(
        {
            "channel": "scenario",
            "distribution_distance": np.arange(len(pretrain)),
            "pretrain_delay_s": pretrain,
            "pretrain_energy_j": pretrain,
            "finetune_delay_s": finetune,
            "finetune_energy_j": finetune,
        }
    )


def test_a_monotone_trade_holds_and_a_step_back_by_rounding_is_no_matter():
    assert verdicts(judge_distances(stages([10, 8, 8.1, 4], [1, 2, 3, 4]))) == [HOLDS] * 4


def test_a_trade_that_turns_back_fails():
    assert (
        verdicts(judge_distances(stages([10, 3, 8, 4], [1, 2, 3, 4]))) == [FAILS] * 2 + [HOLDS] * 2
    )
    assert verdicts(judge_distances(stages([4, 8], [4, 1]))) == [FAILS] * 4
