import pandas as pd
import pytest
from run_folders import compare_folder, distances_folder, evaluate_folder, figure_folder

from edgegym.report.verdict import how_it_ran, who_leads
from edgegym.runs.manifest import load_manifest


def verdict(folder):
    results = pd.read_csv(folder / "results.csv")
    return who_leads(load_manifest(folder, job=None), results).replace("\u00a0", " ")


@pytest.fixture
def compared(tmp_path):
    return lambda **losses: verdict(compare_folder(tmp_path / "run", losses))


def test_the_lowest_loss_leads_and_the_next_is_paired_with_it(compared):
    # Means 0.3 and 0.6; differences 0.3 and 0.3 + 0.02, so ± 12.706 · 0.02 / 2.
    assert compared(far=[0.8, 0.9], next=[0.5, 0.72], first=[0.2, 0.4]) == (
        "first has the lowest test loss, 0.3000 ± 1.2706. "
        "The next, next, is 0.3100 ± 0.1271 higher on the same seeds."
    )


def test_a_difference_within_its_interval_is_said_to_be(compared):
    sentence = compared(a=[0.2, 0.4], b=[0.4, 0.3])
    assert sentence.endswith("higher on the same seeds, not enough to tell them apart.")


def test_equals_lead_together(compared):
    assert compared(a=[0.5, 0.7], b=[0.5, 0.7]).startswith("a and b have the lowest test loss, 0.6")


def test_one_seed_tells_none_apart(compared):
    assert compared(a=[0.5], b=[0.75]) == (
        "a has the lowest test loss, 0.5000. The next, b, is 0.2500 higher on this seed, "
        "not enough to tell them apart."
    )


def test_whoever_diverged_is_left_out_and_named(compared):
    assert compared(a=[None, 0.1], b=[0.5, 0.7]) == (
        "b has the lowest test loss, 0.6000 ± 1.2706. Left out, as training diverged: a."
    )


def test_where_all_diverged_none_leads(compared):
    assert compared(a=[None]) == (
        "Training diverged everywhere. Left out, as training diverged: a."
    )


def test_agents_of_one_algorithm_count_as_one_contender(tmp_path):
    folder = evaluate_folder(tmp_path / "run")
    assert verdict(folder).startswith("ppo has the lowest test loss, 0.3000")
    assert how_it_ran(load_manifest(folder, job=None)) == (
        "1 design, 1 policy and 2 agents played with real training on scenario digits (lenet on "
        "digits, then digits turned by 45°; 3 devices, 1.5 s, 0.5 J), over 2 seeds."
    )


def test_a_sweep_counts_its_budgets(tmp_path):
    folder = figure_folder(tmp_path / "run")
    said = verdict(folder)
    assert said.startswith("The lowest test loss at each of 2 values of the delay budget (s): ")
    assert "joint at 1" in said and "fixed-power at 1" in said
    assert how_it_ran(load_manifest(folder, job=None)).startswith("2 schemes played")


def test_what_was_only_planned_is_said_to_be(tmp_path):
    manifest = load_manifest(distances_folder(tmp_path / "run"), job=None)
    assert "planned but not played" in how_it_ran(manifest)
