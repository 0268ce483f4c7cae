import pandas as pd

from edgegym.bench.scale import plot_scale


def test_times_are_drawn_over_the_number_of_devices_by_logarithm():
    table = pd.DataFrame(
        {
            "n_devices": [1, 1000],
            "bound_ms_per_round": [0.1, 0.2],
            "train_ms_per_round": [3.0, 300.0],
            "plan_s": [0.002, 0.5],
        }
    )
    (axes,) = plot_scale(table, "a title").axes
    curves = {line.get_label(): line for line in axes.get_lines()}
    drawn = {label: line.get_ydata().tolist() for label, line in curves.items()}
    assert drawn == {
        "fine-tuning round, real training": [3.0, 300.0],
        "exact plan of all rounds": [2.0, 500.0],
        "fine-tuning round, bound (34) alone": [0.1, 0.2],
    }
    assert len({line.get_linestyle() for line in curves.values()}) == 3
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "1,000"]
