import numpy as np
import pandas as pd
from run_folders import outcome_rows

from edgegym.studies.two_stage.claims import (
    FAILS,
    HOLDS,
    OPEN,
    judge_budgets,
    judge_convergence,
    judge_distances,
)

KEY = "delay_budget_s"


def swept(**by_budget):
    """Make rows of two seeds over budgets 1, 2, 3 from each scheme's mean accuracies."""
    tables = []
    for i, budget in enumerate((1.0, 2.0, 3.0)):
        pairs = {scheme: [values[i]] * 2 for scheme, values in by_budget.items()}
        tables.append(outcome_rows(**pairs).assign(**{KEY: budget}))
    return pd.concat(tables, ignore_index=True)


def verdicts(claims):
    return [claim.verdict for claim in claims]


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
    results = outcome_rows(joint=[0.9, 0.9], fixed_power=[0.5, 0.5])
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


def test_where_only_the_joint_design_has_a_plan_nothing_is_compared():
    claims = list(judge_budgets(4, KEY, swept(joint=[0.5, 0.8, 0.85]), 2.0))
    assert verdicts(claims) == [OPEN, OPEN, HOLDS]
    assert claims[0].measured == "nothing to compare"
    alone = curves([2.3, 2.0, 0.1], [2.3, 1.0, 0.5]).query("scheme == 'joint'")
    assert verdicts(judge_convergence(2, outcome_rows(joint=[0.9, 0.9]), alone)) == [OPEN] * 3


def test_two_budgets_do_not_show_that_accuracy_converges():
    table = swept(joint=[0.5, 0.8, 0.85], finetune_only=[0.1, 0.2, 0.3])
    table = table[table[KEY] < 3]
    claim = list(judge_budgets(4, KEY, table, 2.0))[-1]
    assert (claim.verdict, claim.measured) == (OPEN, "2 budgets; it takes three to see")


def test_accuracy_that_stays_does_not_converge():
    table = swept(joint=[0.5, 0.5, 0.5], finetune_only=[0.1, 0.2, 0.3])
    assert verdicts(judge_budgets(4, KEY, table, 2.0))[-1] == FAILS


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


def test_where_nothing_changes_nothing_holds_and_every_number_is_one():
    claims = list(judge_distances(stages([4, 4, 4], [1, 2, 1])))
    assert verdicts(claims) == [FAILS] * 4
    assert not any(word in claim.measured for claim in claims for word in ("nan", "inf"))


def test_a_rival_whose_training_diverged_is_not_fast_at_first():
    nan = float("nan")
    results = outcome_rows(joint=[0.9, 0.9], fixed_power=[nan, nan])
    *_, early = judge_convergence(2, results, curves([2.0, 1.5, 0.5], [2.0, 0.5, 0.5]))
    assert (early.measured, early.verdict) == ("nothing to compare", OPEN)
