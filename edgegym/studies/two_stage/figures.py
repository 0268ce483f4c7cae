"""The paper's Figs. 2 to 6, with its axes and legends; dashes and markers tell lines in grey."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgegym.results.curves import STYLES, mean_curve

#: The schemes as the paper's legends name them.
LEGEND = {
    "joint": "Proposed design",
    "fixed-power": "Fixed power design",
    "fixed-clock": "Fixed clock frequency design",
    "fixed-batch": "Fixed batch size design",
    "pretrain-only": "Pre-training only",
    "finetune-only": "Fine-tuning only",
}
MARKERS = dict(zip(LEGEND, "os^Dv*", strict=True))
AXES = {
    "delay_s": "Overall training time (s)",
    "energy_j": "Energy consumption (J)",
    "delay_budget_s": "System delay threshold (s)",
    "energy_budget_j": "System energy consumption threshold (J)",
    "distribution_distance": "Data distribution distance $W(\\hat{\\mathcal{P}}, \\mathcal{P})$",
}
#: Markers on a line of many points.
N_MARKERS = 10


def loss_curves(rounds: pd.DataFrame, x: str) -> pd.DataFrame:
    """Average the rounds of every scheme over its seeds: the lines of Figs. 2 and 3.

    Parameters
    ----------
    rounds : one row per round, with columns scheme, seed, loss, delay_s and energy_j
    x : "delay_s" or "energy_j"

    Returns
    -------
    Columns scheme, x, loss and interval, half the 95 % one
    """
    parts = [
        mean_curve(group, x).assign(scheme=scheme)
        for scheme, group in rounds.groupby("scheme", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)[["scheme", x, "loss", "interval"]]


def plot_loss(curves: pd.DataFrame, x: str, title: str) -> Figure:
    """Draw Fig. 2 (x is "delay_s") or Fig. 3 ("energy_j") from `loss_curves`."""
    figure = _draw(curves, x, "loss", "Training loss", title)
    highest = curves["loss"].max()  # bands of few seeds can be far wider
    figure.axes[0].set_ylim(0, 1.1 * highest if np.isfinite(highest) else None)
    return figure


def plot_accuracy(points: pd.DataFrame, x: str, title: str) -> Figure:
    """Draw Fig. 4 (x is "delay_budget_s") or Fig. 5 ("energy_budget_j").

    Parameters
    ----------
    points : columns scheme, x, test_accuracy and interval
    x : the swept budget
    title : what was run
    """
    figure = _draw(points, x, "test_accuracy", "Classification accuracy", title)
    figure.axes[0].set_ylim(0, 1)
    return figure


def _draw(table: pd.DataFrame, x: str, y: str, label: str, title: str) -> Figure:
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    for index, scheme in enumerate(LEGEND):
        line = table[table["scheme"] == scheme]
        colour, dashes = STYLES[index]
        every = max(len(line) // N_MARKERS, 1)
        axes.plot(
            line[x],
            line[y],
            color=colour,
            linestyle=dashes,
            marker=MARKERS[scheme],
            markersize=5,
            markevery=(index * every // len(LEGEND), every),  # lines that meet keep theirs apart
            label=LEGEND[scheme],
        )
        _band(axes, line, x, y, "interval", colour)
    axes.set(xlabel=AXES[x], ylabel=label)
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=True, framealpha=0.85, fontsize=9)
    return figure


def plot_distances(stages: pd.DataFrame, title: str) -> Figure:
    """Draw Fig. 6: energy (left) and delay (right) of both stages over the data's distance.

    Parameters
    ----------
    stages : of the joint design, mean and interval over channels; columns distribution_distance,
        and for each stage and quantity for example pretrain_delay_s and pretrain_delay_s_interval
    title : what was planned
    """
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    energy = figure.subplots()
    delay = energy.twinx()
    x = "distribution_distance"
    for axes, key, quantity, style, fill in (
        (energy, "energy_j", "energy", STYLES[2], "full"),
        (delay, "delay_s", "delay", STYLES[1], "none"),
    ):
        for stage, name, marker in (
            ("pretrain", "Pre-training", "s"),
            ("finetune", "Fine-tuning", "o"),
        ):
            column = f"{stage}_{key}"
            axes.plot(
                stages[x],
                stages[column],
                color=style[0],
                linestyle="-" if fill == "full" else "--",
                marker=marker,
                fillstyle=fill,
                label=f"{name} {quantity}",
            )
            _band(axes, stages, x, column, f"{column}_interval", style[0])
        axes.set_ylim(bottom=0)
    energy.set(xlabel=AXES[x], ylabel="Total energy consumption (J)")
    energy.set_title(title, parse_math=False)
    delay.set(ylabel="Total training delay (s)")
    energy.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _band(axes: Axes, line: pd.DataFrame, x: str, y: str, interval: str, colour: str) -> None:
    half = line[interval].fillna(0.0)
    axes.fill_between(
        line[x], line[y] - half, line[y] + half, color=colour, alpha=0.15, linewidth=0
    )
