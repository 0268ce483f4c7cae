import pandas as pd
import pytest

from edgegym import load_scenario
from edgegym.results.learning_curves import plot_learning
from edgegym.results.measures import known_measures
from edgegym.systems.measure import VALIDATED

PROGRESS = pd.DataFrame(
    {
        "agent": ["a", "a", "b", "b"],
        "steps": [100, 200, 100, 200],
        "validation_loss": [9.0, 0.4, 2.0, 0.6],
        "gradient_norm_bound": [4.0, 1.0, 3.0, 2.0],
        "round_delay_s": [0.4, 0.1, 0.3, 0.2],
    }
)


def draw(metric="validation_loss", references=None):
    measure = known_measures(load_scenario("mnist"))[metric]
    return plot_learning(PROGRESS, measure, "a title", references or {"paper's plan": 0.5})


def test_it_shows_every_agent_their_mean_and_the_reference():
    (axes,) = draw().axes
    first, second, mean, reference = axes.get_lines()
    assert first.get_ydata().tolist() == [9.0, 0.4]
    assert second.get_ydata().tolist() == [2.0, 0.6]
    assert mean.get_ydata().tolist() == [5.5, 0.5]
    assert set(reference.get_ydata()) == {0.5}
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["agents, with their exploration", "paper's plan"]


@pytest.mark.parametrize("metric", ["validation_loss", "gradient_norm_bound"])
def test_where_training_begins_does_not_hide_where_it_ends(metric):
    (axes,) = draw(metric).axes
    lowest, highest = axes.get_ylim()
    assert lowest < 0.5 and highest < 2.3
    assert axes.get_yscale() == "log" and "Final" in axes.get_ylabel()


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("validation_loss", "Final validation loss"),
        ("gradient_norm_bound", "Final bound (34)"),
        ("round_delay_s", "Final latency (s a round)"),
    ],
)
def test_the_axis_is_called_as_the_tables_call_the_measure(metric, label):
    assert draw(metric).axes[0].get_ylabel() == label


def test_nothing_to_compare_with_is_no_hindrance():
    figure = plot_learning(PROGRESS, VALIDATED[0], "a title", {})
    assert len(figure.axes[0].get_lines()) == 3


def test_a_training_in_which_no_episode_ended_is_an_empty_picture():
    progress = pd.DataFrame(columns=["steps", "return"]).assign(agent="ppo-seed0")
    axes = plot_learning(progress, VALIDATED[0], "PPO", {}).axes[0]
    assert axes.get_ylabel() == "Final validation loss"
