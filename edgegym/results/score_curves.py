"""Who learns best, and how sure that is: intervals of the loss, the score and the improvement."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from edgegym.results.learning_curves import is_wide

#: Colour and marker of planners and of agents, which are told apart in grey as well.
PLANNER, AGENT = ("#0072B2", "o"), ("#D55E00", "D")


def plot_scores(
    board: pd.DataFrame, metric: str, title: str, reference: str, agents: Collection[str] = ()
) -> Figure:
    """Draw every contender's interquartile mean, score and probability of improvement.

    Parameters
    ----------
    board : what `edgegym.results.ranking.rank` gives, the best contender first
    metric : what the loss is called
    title : what was played
    reference : whom the others are measured by
    agents : the contenders that were trained

    Returns
    -------
    The figure, not yet saved
    """
    figure = Figure(figsize=(10, 1.5 + 0.32 * len(board)), layout="constrained")
    # Without a worse random policy there is no score.
    keys = ["iqm", *(["score"] if board["score"].notna().any() else []), "improvement"]
    panels = dict(zip(keys, figure.subplots(1, len(keys), sharey=True), strict=True))
    for key, axes in panels.items():
        _draw_intervals(axes, board, key, agents)
    left, right = panels["iqm"], panels["improvement"]
    left.set_xlabel(f"{metric.capitalize()}, interquartile mean\n(← less is better)")
    if is_wide(board["iqm"]):
        left.set_xscale("log")
        left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        left.xaxis.set_major_formatter("{x:g}")
        left.xaxis.set_minor_formatter(NullFormatter())
    if (middle := panels.get("score")) is not None:
        middle.set_xlabel(f"Score\n(random policy 0, {reference} 1)")
        _leave_out_lowest(middle, board)
        middle.axvline(1, color="black", linestyle="--", linewidth=1, zorder=0)
    right.set_xlabel(f"Probability of improvement\nover {reference}")
    right.axvline(0.5, color="black", linestyle="--", linewidth=1, zorder=0)
    right.set_xlim(-0.05, 1.05)
    if agents:
        for colour, marker, label in ((*PLANNER, "planner"), (*AGENT, "trained agent")):
            right.plot([], [], marker, color=colour, label=label)
        figure.legend(loc="outside lower right", ncols=2, frameon=False)
    left.set_yticks(np.arange(len(board)), board["contender"])
    left.invert_yaxis()
    figure.suptitle(title, parse_math=False)
    return figure


def _draw_intervals(axes: Axes, board: pd.DataFrame, key: str, agents: Collection[str]) -> None:
    """Draw a bar from the lower to the upper end of each interval, and the figure upon it."""
    for y, row in enumerate(board.to_dict(orient="records")):
        colour, marker = AGENT if row["contender"] in agents else PLANNER
        ends = row[f"{key}_low"], row[f"{key}_high"]
        axes.plot(ends, (y, y), color=colour, alpha=0.35, linewidth=6, solid_capstyle="butt")
        axes.plot(row[key], y, marker, color=colour, markersize=6)
    axes.grid(alpha=0.3)


def _leave_out_lowest(axes: Axes, board: pd.DataFrame) -> None:
    """Begin at the second lowest score where the lowest is far off, and say where that one is."""
    if board["score"].count() < 3:
        return
    scores = board["score"].to_numpy(dtype=float)
    lowest = int(np.nanargmin(scores))
    left, right = board["score_low"].drop(index=lowest).min(), board["score_high"].max()
    margin = 0.1 * (right - left)
    if scores[lowest] < left - margin:
        axes.set_xlim(left - 1.5 * margin, right + margin / 2)
        text, place = f"← {scores[lowest]:.2g}", (0.02, lowest)
        axes.annotate(text, place, xycoords=("axes fraction", "data"), va="center")
