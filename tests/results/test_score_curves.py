import io

import numpy as np
import pandas as pd
import pytest

from edgegym.results.score_curves import AGENT, PLANNER, plot_scores

NAMES = ["ppo", "sca", "random"]


@pytest.fixture
def board():
    figures = {"iqm": [0.3, 0.5, 2.3], "score": [1.1, 1.0, 0.0], "improvement": [0.9, 0.5, 0.0]}
    ends = {
        f"{key}_{end}": np.add(values, shift)
        for key, values in figures.items()
        for end, shift in (("low", -0.05), ("high", 0.1))
    }
    return pd.DataFrame({"contender": NAMES, **figures, **ends})


def points(axes):
    return {float(y): (x, line) for line in axes.lines[1::2] for x, y in [line.get_xydata()[0]]}


def test_every_contender_has_a_row_and_the_first_is_on_top(board):
    figure = plot_scores(board, "test loss", "title", "sca")
    left = figure.axes[0]
    assert [label.get_text() for label in left.get_yticklabels()] == NAMES
    assert left.get_ylim()[0] > left.get_ylim()[1]
    assert figure.get_suptitle() == "title"


def test_the_panels_show_loss_score_and_improvement_with_their_intervals(board):
    figure = plot_scores(board, "test loss", "title", "sca")
    for axes, key in zip(figure.axes, ("iqm", "score", "improvement"), strict=True):
        for row, (x, _) in points(axes).items():
            if row in (0.0, 1.0, 2.0):
                assert x == board.loc[int(row), key]
        np.testing.assert_allclose(
            axes.lines[0].get_xdata(), board.loc[0, [f"{key}_low", f"{key}_high"]].astype(float)
        )
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels[0].startswith("Test loss")
    assert labels[1] == "Score\n(random policy 0, sca 1)"
    assert labels[2] == "Probability of improvement\nover sca"


def test_agents_are_told_from_planners_by_colour_and_marker(board):
    figure = plot_scores(board, "test loss", "title", "sca", agents={"ppo"})
    drawn = [points(figure.axes[0])[row][1] for row in (0.0, 1.0)]
    assert [(line.get_color(), line.get_marker()) for line in drawn] == [AGENT, PLANNER]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["planner", "trained agent"]


def test_planners_alone_need_no_legend(board):
    assert not plot_scores(board, "test loss", "title", "sca").legends


@pytest.mark.parametrize("unknown", [["score"], ["score", "improvement"]])
def test_what_is_not_known_is_left_blank_and_the_figure_is_saved(board, unknown):
    for key in unknown:
        board[[key, f"{key}_low", f"{key}_high"]] = np.nan
    buffer = io.BytesIO()
    plot_scores(board, "bound (34)", "title", "sca").savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG\r\n")


def test_a_lowest_score_that_is_far_off_is_written_instead_of_drawn(board):
    middle = plot_scores(board, "test loss", "title", "sca").axes[1]
    assert middle.get_xlim()[0] > 0.8
    assert [text.get_text() for text in middle.texts] == ["← 0"]
    board.loc[1, ["score", "score_low"]] = [0.2, 0.05]
    near = plot_scores(board, "test loss", "title", "sca").axes[1]
    assert near.get_xlim()[0] < 0
    assert not near.texts
