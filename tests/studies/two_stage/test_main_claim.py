"""Section V on digits with real training; Fig. 6 is tested by its command."""

import numpy as np
import pytest
import torch

import baselines
from edgegym import load_scenario
from edgegym.runs.episodes import TRAINING_MODULES
from edgegym.runs.play import play_plan
from edgegym.runs.workers import start_workers

DIGITS = load_scenario("digits")
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def pool():
    with start_workers(2, preload=TRAINING_MODULES) as pool:
        yield pool


def play(scenario, plan, seed):
    torch.set_num_threads(1)
    return play_plan(scenario, plan, seed, device="cpu").final


def play_means(pool, points):
    """Average the final figures over seeds, for each scenario and scheme."""
    plans = [(scenario, baselines.plan(scenario, scheme).plan) for scenario, scheme in points]
    finals = [[pool.submit(play, *planned, seed) for seed in SEEDS] for planned in plans]
    return [
        {
            key: np.mean([final.result()[key] for final in of_plan])
            for key in ("train_loss", "test_loss", "test_accuracy")
        }
        for of_plan in finals
    ]


@pytest.mark.slow
def test_the_joint_design_learns_best_at_the_shipped_budgets(pool):
    points = [(DIGITS, scheme) for scheme in sorted(baselines.SCHEMES, key="joint".__ne__)]
    joint, *benchmarks = play_means(pool, points)
    for figures in benchmarks:
        assert joint["train_loss"] < figures["train_loss"]
        assert joint["test_loss"] < figures["test_loss"]
        assert joint["test_accuracy"] > figures["test_accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["delay_budget_s", "energy_budget_j"])
def test_accuracy_saturates_as_one_budget_grows_with_the_other_held(pool, key):
    budgets = [share * getattr(DIGITS, key) for share in (0.2, 1.35, 2.5)]
    means = play_means(pool, [(DIGITS.replace(**{key: budget}), "joint") for budget in budgets])
    low, middle, high = (mean["test_accuracy"] for mean in means)
    assert low < middle
    assert high - middle < 0.25 * (high - low)
