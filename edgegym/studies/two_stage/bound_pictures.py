"""Both sides of (34): as rounds are added, and the parts of the right one by stage."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgegym.results.curves import STYLES

#: Parts of the right side and their colours.
PARTS = {
    "noise": ("gradient noise", "#0072B2"),
    "losses": ("fall of the loss", "#E69F00"),
    "hand_over": ("hand-over ρ̃W", "#CC79A7"),
}


def plot_sides(limit: pd.DataFrame, sides: pd.DataFrame, n_pretrain: int, title: str) -> Figure:
    """Draw both sides over the rounds, and by stage what the right side is made of.

    Parameters
    ----------
    limit : what `running_sides` gives of all runs
    sides : what `summarise_sides` gives
    n_pretrain : rounds of pre-training
    title : what was trained
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_rounds(left, limit, n_pretrain)
    _draw_parts(right, sides)
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def _draw_rounds(axes: Axes, limit: pd.DataFrame, n_pretrain: int) -> None:
    groups = limit[limit["round"] > 0].groupby("round")
    mean = groups.mean()
    labels = {
        "mean_gradient": "mean of ‖∇L‖² so far",
        "measured": "(34), largest constants seen",
        "shipped": "(34), the scenario's constants",
    }
    for (key, label), (colour, dashes) in zip(labels.items(), STYLES, strict=False):
        axes.plot(mean.index, mean[key], color=colour, linestyle=dashes, label=label)
    low, high = groups["mean_gradient"].min(), groups["mean_gradient"].max()
    axes.fill_between(mean.index, low, high, color="#000000", alpha=0.15, linewidth=0)
    for key, (colour, _) in (("measured", STYLES[1]), ("shipped", STYLES[2])):
        axes.axhline(mean[f"{key}_limit"].iloc[-1], color=colour, linestyle=":", linewidth=1)
    axes.plot([], [], ":", color="#666666", linewidth=1, label="its limit, Remark 3.2")
    axes.axvline(n_pretrain, color="#999999", linewidth=1)
    axes.text(n_pretrain, 0.02, " fine-tuning", transform=axes.get_xaxis_transform())
    axes.set(xlabel="Rounds done", ylabel="Squared gradient norm", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


def _draw_parts(axes: Axes, sides: pd.DataFrame) -> None:
    places, width = np.arange(len(sides)), 0.38
    axes.bar(
        places - width / 2,
        sides["gradient"],
        width,
        yerr=sides["standard_error"].fillna(0.0),
        color="#444444",
        label="mean of ‖∇L‖²",
    )
    # A logarithmic axis shows no stack: the parts stand side by side.
    parts = [key for key in PARTS if (sides[key] > 0).any()]
    for index, key in enumerate(parts):
        label, colour = PARTS[key]
        place = places + (index + 0.5) * width / len(parts)
        axes.bar(place, sides[key], width / len(parts), color=colour, label=label)
    axes.set_xticks(places, sides["stage"])
    axes.set(ylabel="What each adds to the right side", yscale="log")
    axes.grid(alpha=0.3, axis="y")
    axes.legend(frameon=False, fontsize=8)
