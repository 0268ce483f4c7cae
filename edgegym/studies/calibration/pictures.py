"""What a calibration found: emulated beside real losses, and constants along a training."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from edgegym.results.curves import STYLES


def plot_verdict(table: pd.DataFrame, title: str) -> Figure:
    """Draw the emulated over the real final loss of plans that were not fitted.

    Parameters
    ----------
    table : what `edgegym.studies.calibration.verdict.judge` gives
    title : what was calibrated

    Returns
    -------
    The figure, not yet saved
    """
    figure = Figure(figsize=(5, 4.8), layout="constrained")
    axes = figure.subplots()
    ends = np.array([table[["emulated_loss", "real_loss"]].to_numpy().min() / 1.2, 3.0])
    axes.fill_between(ends, ends / 1.1, ends * 1.1, color="#0072B2", alpha=0.15, label="±10 %")
    axes.plot(ends, ends, color="black", linewidth=1)
    axes.errorbar(
        table["real_loss"],
        table["emulated_loss"],
        xerr=table["standard_error"].fillna(0.0),
        fmt="o",
        markersize=4,
        color="#0072B2",
        ecolor="#999999",
        label="a plan, with its standard error over seeds",
    )
    axes.set(
        xlabel="Real final validation loss (nats)",
        ylabel="Emulated final validation loss (nats)",
        xscale="log",
        yscale="log",
        xlim=ends,
        ylim=ends,
    )
    axes.set_title(title, parse_math=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}" if ends[0] > 0.15 else "")
        axis.set_tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False, fontsize=8)
    return figure


def plot_constants(looks: pd.DataFrame, title: str) -> Figure:
    """Draw gradient variance, smoothness and data slope over the rounds of a training.

    Parameters
    ----------
    looks : a row for each `edgegym.studies.calibration.constants.Constants`, with its `seed`
    title : what was trained

    Returns
    -------
    The figure, not yet saved
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    names = {
        "gradient_variance": "gradient variance α²",
        "smoothness": "smoothness ρ",
        "data_lipschitz": "slope in the data ρ̃",
        "loss": "loss (nats)",
    }
    for (key, label), (colour, dashes) in zip(names.items(), STYLES, strict=False):
        axes.plot(looks["round"], looks[key], "o", color=colour, markersize=4, alpha=0.5)
        mean = np.exp(np.log(looks[key]).groupby(looks["round"]).mean())
        axes.plot(mean.index, mean, linestyle=dashes, color=colour, label=label)
    switch = looks.loc[looks["finetuning"], "round"].min()
    axes.axvline(switch, color="#999999", linewidth=1)
    axes.text(switch, 0.98, " fine-tuning", transform=axes.get_xaxis_transform(), va="top")
    axes.set(xlabel="Rounds done", yscale="log")
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure
