"""Time over the number of devices, as `edgegym bench devices` measured it."""

import pandas as pd
from matplotlib.figure import Figure

#: Column, label, colour, dashes and marker; told apart in grey as well.
COURSES = (
    ("train_ms_per_round", "fine-tuning round, real training", "#D55E00", "-", "o"),
    ("plan_ms", "exact plan of all rounds", "#009E73", "-.", "^"),
    ("bound_ms_per_round", "fine-tuning round, bound (34) alone", "#0072B2", "--", "s"),
)


def plot_scale(table: pd.DataFrame, title: str) -> Figure:
    """Draw milliseconds over the number of devices, both by logarithm.

    Parameters
    ----------
    table : columns n_devices, bound_ms_per_round, train_ms_per_round and plan_s
    title : what was timed

    Returns
    -------
    The figure, not yet saved
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    times = table.assign(plan_ms=1e3 * table["plan_s"])
    for column, label, colour, dashes, marker in COURSES:
        axes.plot(
            times["n_devices"],
            times[column],
            color=colour,
            linestyle=dashes,
            marker=marker,
            label=label,
        )
    axes.set(xlabel="Devices K", ylabel="Time (ms)", title=title, xscale="log", yscale="log")
    axes.set_xticks(times["n_devices"], labels=[f"{k:,}" for k in times["n_devices"]])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
