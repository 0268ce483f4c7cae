import io

import numpy as np
import pandas as pd
import pytest

from edgegym.studies.two_stage.figures import (
    LEGEND,
    loss_curves,
    plot_accuracy,
    plot_distances,
    plot_loss,
)


@pytest.fixture
def rounds():
    frames = [
        pd.DataFrame(
            {
                "scheme": scheme,
                "seed": seed,
                "loss": np.linspace(2.3, 0.5 + seed, 40),
                "delay_s": np.arange(1.0, 41.0),
                "energy_j": 0.5 * np.arange(1.0, 41.0),
            }
        )
        for scheme in LEGEND
        for seed in (0, 1)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def points():
    return pd.DataFrame(
        [
            {"scheme": scheme, "delay_budget_s": budget, "test_accuracy": 0.5, "interval": 0.1}
            for scheme in LEGEND
            for budget in (10.0, 20.0, 40.0)
        ]
    )


def test_curves_hold_a_point_for_each_round_and_scheme(rounds):
    curves = loss_curves(rounds, "energy_j")
    assert list(curves) == ["scheme", "energy_j", "loss", "interval"]
    assert curves.groupby("scheme", sort=False).size().to_dict() == dict.fromkeys(LEGEND, 40)
    assert (curves.groupby("scheme")["loss"].first() == 2.3).all()


@pytest.mark.parametrize("x", ["delay_s", "energy_j"])
def test_the_loss_has_the_papers_legend_in_its_order(rounds, x):
    (axes,) = plot_loss(loss_curves(rounds, x), x, "t").axes
    assert [line.get_label() for line in axes.get_lines()] == list(LEGEND.values())
    assert axes.get_ylabel() == "Training loss"


def test_lines_are_told_apart_without_colour(points):
    (axes,) = plot_accuracy(points, "delay_budget_s", "t").axes
    marks = {(line.get_marker(), str(line.get_linestyle())) for line in axes.get_lines()}
    assert len({marker for marker, _ in marks}) == len(LEGEND)
    assert axes.get_xlabel() == "System delay threshold (s)"
    assert axes.get_ylim() == (0, 1)


def test_a_scheme_without_a_plan_leaves_the_others_their_style(points):
    (whole,), (partial,) = (
        plot_accuracy(table, "delay_budget_s", "t").axes
        for table in (points, points[points["scheme"] != "fixed-power"])
    )
    assert partial.get_lines()[2].get_color() == whole.get_lines()[2].get_color()


def test_both_stages_are_drawn_over_the_distance_as_png_and_svg():
    stages = pd.DataFrame({"distribution_distance": [0.0, 1.0]})
    for index, column in enumerate(
        ["pretrain_delay_s", "pretrain_energy_j", "finetune_delay_s", "finetune_energy_j"]
    ):
        stages[column], stages[f"{column}_interval"] = [1.0 + index, 2.0 + index], 0.1
    figure = plot_distances(stages, "t")
    energy, delay = figure.axes
    assert len(energy.get_lines()) == len(delay.get_lines()) == 2
    assert (energy.get_ylabel(), delay.get_ylabel()) == (
        "Total energy consumption (J)",
        "Total training delay (s)",
    )
    for form, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        figure.savefig(file := io.BytesIO(), format=form)
        assert file.getvalue().startswith(start)
