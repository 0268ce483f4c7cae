import math
from dataclasses import replace

import pandas as pd
import pytest

from baselines import plan
from edgegym import load_scenario
from edgegym.report.tables import heading, lay_out
from edgegym.results.measures import known_measures, measures_of, metric_of
from edgegym.runs.play import make_env, play, play_plan
from edgegym.runs.players import random_policy
from edgegym.systems.measure import COMMON, Measure
from edgegym.systems.partitioned import PARTITIONED
from edgegym.systems.system import SYSTEMS
from edgegym.systems.two_stage import TWO_STAGE

SYSTEM_NAMES = list(SYSTEMS)


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_a_systems_columns_are_those_of_all_and_then_its_own(name):
    measures = measures_of(SYSTEMS[name])
    assert measures[: len(COMMON)] == COMMON
    assert measures[len(COMMON) :] == SYSTEMS[name].measures != ()
    for column in ("name", "heading"):
        values = [getattr(measure, column) for measure in measures]
        assert len(values) == len({*values})


def test_the_columns_are_those_that_the_tables_always_had():
    assert [measure.heading for measure in measures_of(TWO_STAGE)] == [
        *("train loss", "test loss", "accuracy", "delay s", "energy J", "bound", "M", "N"),
    ]
    assert [measure.heading for measure in PARTITIONED.measures] == ["latency s a round", "rounds"]


@pytest.mark.parametrize(
    ("bound", "label"),
    [("paper", "bound (34)"), ("tight", "tight bound"), ("target", "target bound")],
)
def test_columns_rankings_and_pages_name_the_bound_that_the_scenario_means(bound, label):
    scenario = load_scenario("mnist").replace(bound=bound, pretrain_pl_constant=1.0)
    name = "gradient_norm_bound"
    assert [m.label for m in measures_of(TWO_STAGE, scenario) if m.name == name] == [label]
    assert metric_of("bound", TWO_STAGE, scenario) == (name, None, label)
    assert known_measures(scenario)[name].label == heading(name, scenario) == label
    assert lay_out(pd.DataFrame({name: [0.5]}), "A", scenario=scenario).columns == [label]


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_a_scenario_changes_labels_alone(name):
    system = SYSTEMS[name]
    own = measures_of(system, load_scenario(system.default_scenario))
    same = zip(measures_of(system), own, strict=True)
    assert all(replace(one, label=other.label) == other for one, other in same)


def test_what_training_makes_uncertain_has_an_interval_and_the_rest_has_none():
    varying = {m.name for system in SYSTEMS.values() for m in measures_of(system) if m.varies}
    assert varying == {"train_loss", "test_loss", "test_accuracy"}


def test_every_measure_is_known_by_its_name_in_one_way():
    known = known_measures()
    assert all(name == measure.name for name, measure in known.items())
    assert known.keys() >= {"validation_loss", "validation_accuracy"}
    for system in SYSTEMS.values():
        assert all(known[measure.name] == measure for measure in measures_of(system))


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_real_training_is_ranked_by_the_test_set_and_emulated_by_the_validation_set(name):
    train, curve = (metric_of(fidelity, SYSTEMS[name]) for fidelity in ("train", "curve"))
    assert train == ("test_loss", "test_accuracy", "test loss")
    assert curve == ("validation_loss", "validation_accuracy", "validation loss")


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_without_training_the_first_measure_ranks_and_less_of_it_is_better(name):
    metric, first = metric_of("bound", SYSTEMS[name]), SYSTEMS[name].measures[0]
    assert metric == (first.name, None, first.heading)
    assert first.less_is_better is True


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_an_episode_holds_every_figure_that_needs_no_training(name):
    env = make_env(load_scenario(SYSTEMS[name].default_scenario), fidelity="bound")
    final = play(env, random_policy(env), seed=0).final
    trained = {measure.name for measure in COMMON if measure.varies}
    assert final.keys() >= {m.name for m in measures_of(SYSTEMS[name])} - trained


def test_the_latency_of_a_round_is_that_of_the_plan_and_nothing_where_no_round_was_done():
    scenario = load_scenario("partitioned-digits").replace(delay_budget_s=0.5)
    result = plan(scenario, "equal")
    final = play_plan(scenario, result.plan, 0, fidelity="bound").final
    assert final["round_delay_s"] == pytest.approx(result.value)
    latency = PARTITIONED.measures[0]
    assert math.isnan(latency.derive({"total_delay_s": 0.0, "n_rounds": 0}))
    env = make_env(scenario.replace(delay_budget_s=1e-3), fidelity="bound")
    assert play(env, random_policy(env), seed=0).final["round_delay_s"] is None


def test_a_heading_has_a_unit_where_there_is_one():
    assert Measure("share", "share").heading == "share"
    assert Measure("delay_s", "delay", "s").heading == "delay s"
