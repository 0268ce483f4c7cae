import numpy as np
import pandas as pd
import pytest

from edgegym.lifecycle.state import EndCode
from edgegym.results.measures import metric_of
from edgegym.results.ranking import average_agents, rank
from edgegym.systems.partitioned import PARTITIONED
from edgegym.systems.two_stage import TWO_STAGE

TRAIN = metric_of("train", TWO_STAGE)
SEEDS = range(8)
AGENTS = {"random": ["random"], "sca": ["sca"], "ppo": ["ppo-1", "ppo-2"]}
LOSS = {"random": 2.3, "sca": 0.5, "ppo-1": 0.4, "ppo-2": 0.2}


def make_results(**columns):
    rows = [
        {
            "contender": contender,
            "design": design,
            "seed": seed,
            "test_loss": LOSS[design] + seed / 100,
            "test_accuracy": 0.9,
            "validation_loss": 2.2,
            "validation_accuracy": 0.1,
            "gradient_norm_bound": 1 + LOSS[design],
            "total_delay_s": 10.0 + seed,
            "total_energy_j": 5.0,
            "n_pretrain_rounds": 3,
            "n_finetune_rounds": 4,
            "cost": 0.0,
            "end_code": int(EndCode.FINISHED),
            "is_success": True,
        }
        for contender, designs in AGENTS.items()
        for design in designs
        for seed in SEEDS
    ]
    return pd.DataFrame(rows).assign(**columns)


def ranked(results, metric=TRAIN, system=TWO_STAGE):
    return rank(results, metric, np.random.default_rng(0), system).set_index("contender")


def test_the_lowest_mean_comes_first_and_agents_of_one_algorithm_are_one_row():
    board = ranked(make_results())
    assert board.index.tolist() == ["ppo", "sca", "random"]
    assert board["n_agents"].tolist() == [2, 1, 1]
    assert board.loc["ppo", ["best_agent", "worst_agent"]].tolist() == pytest.approx([0.235, 0.435])
    assert board.loc["ppo", "mean"] == pytest.approx(0.3 + 3.5 / 100)
    assert set(board["metric"]) == {"test_loss"}


def test_scores_and_improvements_are_measured_by_the_papers_plan():
    board = ranked(make_results())
    assert board.loc[["random", "sca"], "score"].tolist() == [0.0, 1.0]
    assert board.loc["ppo", "score"] == pytest.approx(2.0 / 1.8)
    assert board["improvement"].tolist() == [1.0, 0.5, 0.0]
    # What a seed adds is common to all.
    assert board.loc["ppo", "difference"] == pytest.approx(-0.2)
    assert board.loc["ppo", "difference_interval"] == pytest.approx(0.0, abs=1e-12)
    assert board.loc["ppo", "mean_interval"] > 0.01


@pytest.mark.parametrize("missing", ["random", "sca"])
def test_what_needs_a_contender_that_does_not_play_is_not_told(missing):
    results = make_results()
    board = ranked(results[results["contender"] != missing])
    assert board[["score", "score_low", "score_high"]].isna().all(axis=None)
    assert board["improvement"].isna().all() == (missing == "sca")
    assert board["difference"].isna().all() == (missing == "sca")
    assert board["iqm"].notna().all()


def test_a_diverged_episode_counts_as_an_untrained_network():
    results = make_results()
    first = (results["design"] == "sca") & (results["seed"] == 0)
    results["test_loss"] = results["test_loss"].astype(object)
    results.loc[first, ["test_loss", "test_accuracy"]] = None
    results.loc[first, ["end_code", "is_success"]] = [int(EndCode.DIVERGED), False]
    row = ranked(results).loc["sca"]
    whole = ranked(make_results()).loc["sca"]
    assert row["mean"] == pytest.approx(whole["mean"] + (2.2 - 0.5) / 8)
    assert row["accuracy"] == pytest.approx((7 * 0.9 + 0.1) / 8)
    assert (row["diverged"], row["violated"]) == (1 / 8, 0)


def test_episodes_that_end_beyond_a_limit_are_violations():
    results = make_results()
    beyond = (results["design"] == "ppo-1") & (results["seed"] < 4)
    results.loc[beyond, ["cost", "is_success"]] = [0.2, False]
    row = ranked(results).loc["ppo"]
    assert (row["violated"], row["cost"]) == (0.25, pytest.approx(0.05))


def test_at_bound_the_bound_is_the_metric_and_there_is_no_accuracy():
    board = ranked(make_results(), metric_of("bound", TWO_STAGE))
    assert board.loc["sca", "mean"] == 1.5
    assert board["accuracy"].isna().all()


def test_more_contenders_change_no_ones_figures():
    results = make_results()
    few = ranked(results[results["contender"] != "ppo"])
    pd.testing.assert_frame_equal(few, ranked(results).loc[["sca", "random"]])


def test_a_single_seed_has_means_and_no_intervals():
    results = make_results()
    board = ranked(results[results["seed"] == 3])
    assert board["mean"].notna().all()
    intervals = board.filter(regex="_(low|high|interval)$")
    assert intervals.isna().all(axis=None)


def test_the_results_are_left_as_they_were():
    results = make_results()
    before = results.copy()
    ranked(results)
    pd.testing.assert_frame_equal(results, before)


def test_agents_are_averaged_on_each_seed_step_by_step():
    rounds = pd.DataFrame(
        {
            "contender": ["ppo"] * 5 + ["sca"],
            "design": ["ppo-1", "ppo-1", "ppo-2", "ppo-2", "ppo-2", "sca"],
            "seed": 0,
            "loss": [2.0, 1.0, 4.0, 3.0, 2.0, 9.0],
            "delay_s": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    courses = average_agents(rounds, ["sca", "ppo"])
    assert courses["design"].tolist() == ["sca", "ppo", "ppo", "ppo"]
    assert courses["loss"].tolist() == [9.0, 3.0, 2.0, 2.0]
    assert courses["delay_s"].tolist() == [6.0, 2.0, 3.0, 5.0]
    assert average_agents(rounds, []).empty


def test_another_system_is_measured_by_its_own_reference_and_who_did_no_round_comes_last():
    results = make_results(n_rounds=5).replace({"sca": "joint"})
    results["round_delay_s"] = results["test_loss"].where(results["contender"] != "random")
    board = ranked(results, metric_of("bound", PARTITIONED), PARTITIONED)
    assert board.index.tolist() == ["ppo", "joint", "random"]
    assert board.loc["joint", "difference"] == 0.0
    assert np.isnan(board.loc["random", "mean"])  # and not the loss of an untrained network
    assert board["n_rounds"].tolist() == [5.0] * 3
