import numpy as np
import pandas as pd
import pytest

from edgegym.studies.calibration.pictures import plot_constants, plot_verdict


def test_the_verdict_is_a_point_for_each_plan_around_the_diagonal():
    table = pd.DataFrame(
        {
            "emulated_loss": [0.2, 1.0, 2.0],
            "real_loss": [0.21, 1.1, 2.1],
            "standard_error": [0.01, np.nan, 0.1],
        }
    )
    (axes,) = plot_verdict(table, "a title").axes
    (points,) = axes.containers
    assert points.lines[0].get_xdata().tolist() == [0.21, 1.1, 2.1]
    assert points.lines[0].get_ydata().tolist() == [0.2, 1.0, 2.0]
    low, high = axes.get_xlim()
    assert low < 0.2 and high > 2.1 and axes.get_ylim() == (low, high)


def test_constants_run_over_rounds_with_a_mark_where_fine_tuning_begins():
    looks = pd.DataFrame(
        {
            "finetuning": [False, True, True],
            "round": [0, 10, 20],
            "loss": [2.3, 1.0, 0.5],
            "gradient_variance": [1.0, 30.0, 10.0],
            "smoothness": [0.5, 5.0, 50.0],
            "data_lipschitz": [0.1, 0.2, 0.3],
        }
    )
    (axes,) = plot_constants(looks, "a title").axes
    *lines, mark = axes.get_lines()
    looks_at, curves = lines[::2], lines[1::2]
    assert {len(points.get_xdata()) for points in looks_at} == {3}
    for curve, expected in zip(
        curves,
        ([1.0, 30.0, 10.0], [0.5, 5.0, 50.0], [0.1, 0.2, 0.3], [2.3, 1.0, 0.5]),
        strict=True,
    ):
        assert curve.get_ydata().tolist() == pytest.approx(expected)
    assert set(mark.get_xdata()) == {10}
