import numpy as np
import pandas as pd
import pytest

import baselines
from edgegym import load_scenario
from edgegym.studies.two_stage import pareto
from edgegym.studies.two_stage.pareto import on_front
from edgegym.systems.two_stage.referee import evaluate

DIGITS = load_scenario("digits")


def at_once(kind, calls):
    return {key: call() for key, call in calls.items()}


def test_the_surface_falls_with_either_budget_and_is_lowest_for_the_joint_design():
    surface = pareto._surface(at_once, DIGITS, 3)
    assert len(surface) == 9 * len(baselines.SCHEMES)
    bounds = surface.pivot(index=["delay_s", "energy_j"], columns="scheme", values="bound")
    assert (bounds.min(axis=1) >= bounds["joint"] * (1 - 2e-3)).all()
    joint = bounds["joint"].unstack()
    assert (np.diff(joint.to_numpy(), axis=0) < 0).all()
    assert (np.diff(joint.to_numpy(), axis=1) < 0).all()
    own = baselines.plan(DIGITS).gradient_norm_bound
    assert joint.loc[DIGITS.delay_budget_s, DIGITS.energy_budget_j] == pytest.approx(own)


def test_every_scheme_is_bought_within_every_pair_of_budgets():
    bought = [*pareto._buy(DIGITS, (0.5, 1.0))]
    assert len({one.key for one in bought}) == len(bought) == 4 * len(baselines.SCHEMES)
    for one in bought:
        there, plan = one.trial
        outcome = evaluate(plan, there)
        assert not outcome.violations
        assert outcome.total_delay_s <= one.delay_share * DIGITS.delay_budget_s
        assert outcome.total_energy_j <= one.energy_share * DIGITS.energy_budget_j


def test_the_front_is_what_nothing_beats_in_all_three():
    plans = pd.DataFrame(
        [(1, 1, 0.5), (1, 1, 0.6), (2, 1, 0.6), (2, 2, 0.9), (1, 2, None), (1, 1, 0.6)],
        columns=["delay_s", "energy_j", "test_accuracy"],
    )
    assert on_front(plans).tolist() == [False, True, False, True, False, True]


def test_the_verdict_counts_who_is_best_where():
    rows, trained = [], []
    for delay, accuracies in (
        (1, {"joint": 0.9, "fixed-power": 0.8}),
        (2, {"joint": 0.9, "fixed-power": 0.95}),
    ):
        for scheme, accuracy in accuracies.items():
            bound = {"joint": 1.0, "fixed-power": 2.0}[scheme] / delay
            rows.append((scheme, delay, 1, delay, 1, bound, accuracy))
            trained += [(scheme, f"{delay} 1", seed, accuracy + 0.01 * seed) for seed in range(3)]
    columns = ["scheme", "delay_budget_s", "energy_budget_j", "delay_s", "energy_j", "bound"]
    plans = pd.DataFrame(rows, columns=[*columns, "test_accuracy"])
    plans["on_front"] = on_front(plans)
    for _, group in plans.groupby("scheme"):
        plans.loc[group.index, "on_own_front"] = on_front(group)
    trained = pd.DataFrame(trained, columns=["scheme", "budgets", "seed", "test_accuracy"])
    fronts = pareto.summarise_fronts(plans).set_index("scheme")
    assert fronts["least_bound"].to_dict() == {"joint": 2, "fixed-power": 0}
    assert fronts["most_accurate"].to_dict() == {"joint": 1, "fixed-power": 1}
    assert fronts["on_front"].to_dict() == {"joint": 1, "fixed-power": 1}
    assert fronts["on_own_front"].to_dict() == {"joint": 1, "fixed-power": 2}
    assert fronts.loc["fixed-power", "joint_ahead"] == pytest.approx(0.025)
    words = pareto.in_words(fronts.reset_index(), trained, "tight bound")
    assert words.startswith("The joint design has the least tight bound at 2 of 2 pairs")
    assert "at 1, beyond the seeds ahead of its best rival at 1 and behind at 1" in words
