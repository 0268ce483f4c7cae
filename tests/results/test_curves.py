import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from edgegym.results.curves import plot_convergence
from edgegym.results.learning_curves import plot_learning
from edgegym.studies.two_stage.figures import loss_curves, plot_loss
from edgegym.systems.measure import VALIDATED

DESIGNS = ("zeta", "alpha", "mid")
X_AXES = ("delay_s", "energy_j")
Y_AXES = ("loss", "validation_accuracy")


def make_rounds(losses, n_rounds=10):
    """Make rounds of constant loss from a mapping of (design, seed) to it."""
    frames = [
        pd.DataFrame(
            {
                "design": design,
                "seed": seed,
                "loss": np.full(n_rounds, loss),
                "validation_accuracy": np.full(n_rounds, loss / 4),
                "delay_s": np.arange(1.0, n_rounds + 1),
                "energy_j": 0.5 * np.arange(1.0, n_rounds + 1),
            }
        )
        for (design, seed), loss in losses.items()
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def rounds():
    return make_rounds({(d, s): 1.0 + s for d in DESIGNS for s in (0, 1)})


def band_of(axes, index=0):
    """Give the least and the greatest loss of a band."""
    vertices = axes.collections[index].get_paths()[0].vertices
    return vertices[:, 1].min(), vertices[:, 1].max()


@pytest.mark.parametrize("x", X_AXES)
def test_every_design_has_one_line_with_its_label_in_their_order(rounds, x):
    figure = plot_convergence(rounds, x, "title")
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.get_lines()] == list(DESIGNS)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(DESIGNS)


@pytest.mark.parametrize(("x", "unit"), [("delay_s", "(s)"), ("energy_j", "(J)")])
def test_axes_carry_units_and_the_title(rounds, x, unit):
    (axes,) = plot_convergence(rounds, x, "Scenario digits").axes
    assert axes.get_xlabel().endswith(unit)
    assert axes.get_ylabel().endswith("(nats)")
    assert axes.get_title() == "Scenario digits"


def test_an_accuracy_has_an_axis_of_its_own_from_nothing_to_one(rounds):
    (axes,) = plot_convergence(rounds, "delay_s", "title", y="validation_accuracy").axes
    assert axes.get_ylabel() == "Validation accuracy"
    assert axes.get_ylim() == (0.0, 1.0)
    assert axes.get_lines()[0].get_ydata().tolist() == [0.375] * 10


@pytest.mark.parametrize("x", X_AXES)
def test_a_line_runs_over_the_column_that_is_asked_for(rounds, x):
    (axes,) = plot_convergence(rounds, x, "title").axes
    expected = rounds[(rounds["design"] == "zeta") & (rounds["seed"] == 0)][x]
    np.testing.assert_allclose(axes.get_lines()[0].get_xdata(), expected)


@pytest.mark.parametrize("y", Y_AXES)
def test_a_line_is_the_mean_and_its_band_the_interval_of_the_seeds(y):
    rounds = make_rounds({("joint", 0): 0, ("joint", 1): 0}).drop(columns=list(Y_AXES))
    rounds[y] = 20.0 + 2 * rounds["seed"]
    (axes,) = plot_convergence(rounds, "delay_s", "title", y).axes
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), 21.0)
    assert band_of(axes) == pytest.approx((21 - 12.7062, 21 + 12.7062), abs=1e-3)


@pytest.mark.parametrize("x", X_AXES)
def test_one_seed_has_lines_without_width(x):
    rounds = make_rounds({(design, 0): 2.0 for design in DESIGNS})
    (axes,) = plot_convergence(rounds, x, "title").axes
    assert len(axes.get_lines()) == len(DESIGNS)
    assert all(band_of(axes, index) == (2.0, 2.0) for index in range(len(axes.collections)))


@pytest.mark.parametrize("y", Y_AXES)
def test_a_loss_is_smoothed_along_its_own_episode_alone(y):
    rounds = make_rounds({("joint", 0): 0.0, ("joint", 1): 0.0}, n_rounds=100)
    rounds[y] = np.tile(np.where(np.arange(100) < 50, 4.0, 2.0), 2)
    (axes,) = plot_convergence(rounds, "delay_s", "title", y).axes
    loss = axes.get_lines()[0].get_ydata()
    assert loss[[0, 49, 50, 51, 99]].tolist() == [4.0, 4.0, 3.0, 2.0, 2.0]


def test_seeds_that_ended_at_different_rounds_are_averaged_while_they_last():
    rounds = pd.concat([make_rounds({("joint", 0): 1.0}), make_rounds({("joint", 1): 3.0}, 4)])
    (axes,) = plot_convergence(rounds, "delay_s", "title").axes
    assert axes.get_lines()[0].get_ydata().tolist() == [2.0] * 4 + [1.0] * 6


def test_seven_designs_are_told_apart_by_colour_and_by_dashes():
    rounds = make_rounds({(f"design {index}", 0): 1.0 for index in range(7)})
    (axes,) = plot_convergence(rounds, "delay_s", "title").axes
    lines = axes.get_lines()
    assert len({to_rgb(line.get_color()) for line in lines}) == 7
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 7


def test_more_designs_than_styles_are_told_apart_by_colour_and_dashes_together():
    rounds = make_rounds({(f"design {index}", 0): 1.0 for index in range(20)})
    (axes,) = plot_convergence(rounds, "delay_s", "title").axes
    styles = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in axes.get_lines()}
    assert len(styles) == 20


@pytest.mark.parametrize("x", X_AXES)
@pytest.mark.parametrize("n_seeds", [1, 3])
def test_the_figure_is_saved_as_png(x, n_seeds):
    rounds = make_rounds({(d, s): 1.0 + s for d in DESIGNS for s in range(n_seeds)})
    buffer = io.BytesIO()
    plot_convergence(rounds, x, "title").savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG\r\n")


def test_the_rounds_are_left_as_they_were(rounds):
    before = rounds.copy()
    plot_convergence(rounds, "delay_s", "title")
    pd.testing.assert_frame_equal(rounds, before)


def test_drawing_needs_neither_torch_nor_cvxpy():
    code = "import sys, edgegym.results.curves;print({'torch', 'cvxpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_losses_that_all_diverged_and_a_title_with_dollars_are_drawn(loss):
    table = pd.DataFrame({"design": "joint", "scheme": "joint", "agent": "a", "seed": [0, 0, 1, 1]})
    rounds = table.assign(loss=loss, validation_loss=loss, delay_s=[1.0, 2, 1, 2], steps=[1, 2] * 2)
    title = "name $x^{$"
    for figure in (
        plot_convergence(rounds, "delay_s", title),
        plot_loss(loss_curves(rounds, "delay_s"), "delay_s", title),
        plot_learning(rounds, VALIDATED[0], title, {"paper's plan": loss}),
    ):
        figure.savefig(io.BytesIO())
        assert figure.axes[0].get_title() == title
