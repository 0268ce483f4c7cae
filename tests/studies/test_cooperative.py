import io

import numpy as np
import pandas as pd
import pytest

from edgegym import load_scenario
from edgegym.studies import cooperative as study
from edgegym.studies.cooperative import (
    LOOKS,
    WAYS,
    in_words,
    matching_of,
    plot_ways,
    summarise_ways,
    train_way,
)

SCENARIO = load_scenario("cooperative-digits").replace(**{"learning.n_pretrain_rounds": 1})


def curves():
    """Hand made: two seeds, two looks; fixed falls by 0.2 from one to the other."""
    rows = [
        (rate, way, seed, rounds, 0.5 + 0.1 * seed + (-0.2 if way == "fixed" else 0.1) * (look > 0))
        for rate in (0.03, 0.1)
        for way in WAYS
        for seed in range(2)
        for look, rounds in enumerate((25, 50))
    ]
    return pd.DataFrame(rows, columns=["learning_rate", "way", "seed", "rounds", "accuracy"])


def test_the_last_look_is_averaged_and_compared_with_the_best_one():
    summary = summarise_ways(curves()).set_index(["learning_rate", "way"])
    assert summary.loc[(0.1, "fixed"), "accuracy"] == pytest.approx(0.35)
    assert summary.loc[(0.1, "fixed"), "lost_since_best"] == pytest.approx(0.2)
    assert summary.loc[(0.03, "rotating"), "accuracy"] == pytest.approx(0.65)
    assert summary.loc[(0.03, "rotating"), "lost_since_best"] == pytest.approx(0.0)
    assert summary.loc[(0.03, "alike"), "accuracy_interval"] == pytest.approx(12.706 * 0.05, 1e-3)


def test_the_verdict_names_every_accuracy():
    words = in_words(summarise_ways(curves()))
    assert words.startswith(
        "At learning rate 0.03 a fixed matching of own shares ends at an accuracy of 0.350, one "
        "that rotates at 0.650, a fixed one of like data at 0.650, one joint batch at 0.650."
    )
    assert "At learning rate 0.1 " in words


def test_the_picture_has_a_panel_for_each_learning_rate_and_a_line_for_each_way():
    figure = plot_ways(curves(), "name $x^{$")
    assert [len(axes.get_lines()) for axes in figure.axes] == [len(WAYS)] * 2
    assert figure.axes[1].get_lines()[0].get_ydata().tolist() == pytest.approx([0.55, 0.35])
    figure.savefig(io.BytesIO(), format="png")


def test_matchings_are_matchings_and_the_rotating_one_meets_everybody():
    met = np.array([matching_of("rotating", index, SCENARIO) for index in range(10)])
    assert all(np.unique(row).size == 6 for row in met)
    assert all(np.unique(met[:, block]).size == 10 for block in range(6))
    assert matching_of("fixed", 3, SCENARIO).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_trained_and_starts_from_the_same_network(way):
    begun = train_way(SCENARIO.replace(learning_rate=0.1), way, 1e-9, 0, (1,), None)
    other = train_way(SCENARIO, "fixed", 1e-9, 0, (1,), None)
    assert begun == other and set(begun) == {"1"}


def test_a_point_is_computed_for_every_rate_way_and_seed():
    asked = {}

    def remember(kind, calls):
        asked.update(calls)
        return {key: {str(look): 0.5 for look in LOOKS} for key in calls}

    rows = study.accuracy_rows(SCENARIO, 2, remember, None)
    assert len(asked) == 2 * len(WAYS) * 2
    assert len(rows) == len(asked) * len(LOOKS)
    assert rows["accuracy"].eq(0.5).all()
