"""Section V on digits with real training; Fig. 6 is tested by its command."""

import numpy as np
import pytest
import torch

import baselines
from edgegym import load_scenario
from edgegym.evaluation.rollout import play_plan

DIGITS = load_scenario("digits")


def play_mean(scheme, seeds=(0, 1), **changes):
    """Average the final figures of a scheme's plan over seeds."""
    scenario = DIGITS.replace(**changes)
    torch.set_num_threads(1)
    plan = baselines.plan(scenario, scheme).plan
    finals = [play_plan(scenario, plan, seed, device="cpu").final for seed in seeds]
    return {
        key: np.mean([final[key] for final in finals])
        for key in ("train_loss", "test_loss", "test_accuracy")
    }


@pytest.mark.slow
def test_the_joint_design_learns_best_at_the_shipped_budgets():
    means = {scheme: play_mean(scheme) for scheme in baselines.SCHEMES}
    joint = means.pop("joint")
    for figures in means.values():
        assert joint["train_loss"] < figures["train_loss"]
        assert joint["test_loss"] < figures["test_loss"]
        assert joint["test_accuracy"] > figures["test_accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["delay_budget_s", "energy_budget_j"])
def test_accuracy_saturates_as_one_budget_grows_with_the_other_held(key):
    low, middle, high = (
        play_mean("joint", **{key: share * getattr(DIGITS, key)})["test_accuracy"]
        for share in (0.2, 1.35, 2.5)
    )
    assert low < middle
    assert high - middle < 0.25 * (high - low)
