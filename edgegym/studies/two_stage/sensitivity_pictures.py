"""What the study of the open values draws: which of them decide, a map of two, real training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgegym.physics import Array
from edgegym.studies.two_stage.open_values import Range, open_values, own_share
from edgegym.studies.two_stage.worth import JOINT, SINGLE, WORTH_IT
from edgegym.systems.two_stage.scenario import Scenario

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"


def plot_values(values: pd.DataFrame, ranges: Mapping[str, Range], title: str) -> Figure:
    """Draw how much each value decides, the most at the top, beside its rank correlation."""
    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    rows = values.iloc[::-1]
    place = np.arange(len(rows))
    left.barh(place, rows["total"], color=BLUE, alpha=0.35, label="with all others")
    left.barh(place, rows["first_order"], height=0.4, color=BLUE, label="alone")
    left.set_xlabel("Share of the gain's variance (Sobol)")
    left.set_yticks(place, [f"{ranges[key].letter}  {key}" for key in rows["value"]], fontsize=8)
    left.legend(frameon=False, loc="lower right")
    right.barh(place, rows["rank_correlation"], color=ORANGE)
    right.axvline(0, color="black", linewidth=0.8)
    right.set_xlim(-1, 1)
    right.set_xlabel("Rank correlation with the gain")
    for axes in (left, right):
        axes.grid(alpha=0.3, axis="x")
    figure.suptitle(f"{title}: which open values decide", fontsize="medium", parse_math=False)
    return figure


def plot_map(table: pd.DataFrame, x: str, y: str, scenario: Scenario, title: str) -> Figure:
    """Draw by how much the joint design is better over two values, all others ours."""
    across, up = np.unique(table[x]), np.unique(table[y])
    shape = up.size, across.size
    gain = 100 * table["gain"].to_numpy().reshape(shape)
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    colours = axes.pcolormesh(across, up, gain, cmap="viridis", shading="nearest", vmin=0)
    figure.colorbar(colours, label="Joint bound below the better single stage's (%)")
    _line(axes, across, up, gain, 100 * WORTH_IT, "white", f"worth {WORTH_IT:.0%}", "solid")
    pretrain, finetune = (table[scheme].to_numpy().reshape(shape) for scheme in SINGLE)
    _line(axes, across, up, pretrain / finetune, 1.0, ORANGE, "single stages alike", "dashed")
    own = own_share(scenario, x), own_share(scenario, y)
    axes.plot(*own, "X", color=ORANGE, markeredgecolor="white", markersize=10, label="the scenario")
    ranges = open_values(scenario)
    for axis, key, shares in ((axes.xaxis, x, across), (axes.yaxis, y, up)):
        its = ranges[key]
        ticks = shares[np.rint(np.linspace(0, shares.size - 1, min(shares.size, 5))).astype(int)]
        axis.set_ticks(ticks, [f"{value:.3g}" for value in its.at(ticks)])
        axis.set_label_text(_label(key, its))
    axes.set_title(title, parse_math=False, fontsize="medium")
    axes.legend(facecolor="grey", labelcolor="white", fontsize=8, loc="upper right")
    return figure


def _line(
    axes: Axes, x: Array, y: Array, z: Array, level: float, colour: str, name: str, line: str
) -> None:
    """Draw where something has a level, if it does so anywhere, and name it."""
    if np.nanmin(z) < level < np.nanmax(z):
        axes.contour(x, y, z, [level], colors=[colour], linestyles=[line], linewidths=1.5)
        axes.plot([], [], color=colour, linestyle=line, label=name)


def _label(key: str, of: Range) -> str:
    return f"{of.letter}  {key}{', times the scenario’s' if of.is_factor else ''}"


def plot_trained(trained: pd.DataFrame, bound: str, title: str) -> Figure:
    """Draw how all three plans of each place end in real training, by what the bound says of it."""
    figure = Figure(figsize=(7.2, 1.4 + 0.3 * len(trained)), layout="constrained")
    axes = figure.subplots()
    rows = trained.sort_values("gain").reset_index(drop=True)
    names = [
        f"{100 * max(gain, 0):.1f} %   {plan}{'' if limited else '   (no limit)'}"
        for gain, plan, limited in zip(
            rows["gain"], rows["joint_plan"], rows["limited"], strict=True
        )
    ]
    losses = rows[[JOINT, *SINGLE]].astype(float)
    axes.hlines(rows.index, losses.min(axis=1), losses.max(axis=1), color="lightgrey", zorder=0)
    for scheme, colour, marker in (
        (SINGLE[0], GREEN, "s"),
        (SINGLE[1], ORANGE, "D"),
        (JOINT, BLUE, "o"),
    ):
        axes.plot(losses[scheme], rows.index, marker, color=colour, alpha=0.8, label=scheme)
    worth_it = int((rows["gain"] <= WORTH_IT).sum())
    axes.axhline(worth_it - 0.5, color="grey", linestyle=":", label=f"above: worth {WORTH_IT:.0%}")
    axes.set_yticks(rows.index, names, fontsize=8)
    axes.set_ylabel(f"Gain by the {bound}   joint plan M + N")
    axes.set_xscale("log")
    for form in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        form("{x:g}")
    axes.set_xlabel("Test loss after real training")
    axes.grid(alpha=0.3, axis="x", which="both")
    axes.set_title(title, parse_math=False, fontsize="medium")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure
