"""Training loss over simulated time and over energy, the paper's Figs. 2 and 3."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from edgegym.results.statistics import interval95

AXES = {
    "delay_s": "Simulated time (s)",
    "energy_j": "Energy spent (J)",
    "loss": "Training loss of the mini-batch (nats)",
    "validation_accuracy": "Validation accuracy",
}
#: Okabe and Ito's colours, which colour-blind readers tell apart, and a dash pattern for grey.
STYLES = [
    ("#000000", "-"),
    ("#D55E00", (0, (6, 2))),
    ("#0072B2", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#E69F00", (0, (3, 1, 1, 1, 1, 1))),
    ("#56B4E9", (0, (8, 2, 2, 2))),
    ("#999999", (0, (1, 1))),
    ("#8C510A", (0, (5, 1, 1, 1))),
]
SMOOTHING = 0.02  # share of an episode's rounds that a running mean takes in


def plot_convergence(rounds: pd.DataFrame, x: str, title: str, y: str = "loss") -> Figure:
    """Draw each design's mean loss or accuracy, with the 95 % interval of the seeds as a band.

    Parameters
    ----------
    rounds : one row per round, with columns design, seed, loss, delay_s and energy_j
    x : "delay_s" for Fig. 2, "energy_j" for Fig. 3
    title : what was run
    y : "loss", of the mini-batch, or "validation_accuracy"

    Returns
    -------
    The figure, not yet saved
    """
    figure = Figure(figsize=(8.5, 4.5), layout="constrained")
    axes = figure.subplots()
    designs = rounds.groupby("design", sort=False)
    for index, (design, group) in enumerate(designs):
        # Beyond the last style the colours begin again, each with another's dashes.
        colour, _ = STYLES[index % len(STYLES)]
        _, dashes = STYLES[(index + index // len(STYLES)) % len(STYLES)]
        curve = mean_curve(group, x, y)
        axes.plot(curve[x], curve[y], color=colour, linestyle=dashes, label=design)
        band = curve["interval"].fillna(0.0)
        axes.fill_between(
            curve[x],
            curve[y] - band,
            curve[y] + band,
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    axes.set(xlabel=AXES[x], ylabel=AXES[y])
    axes.set_title(title, parse_math=False)  # a scenario's name may hold dollar signs
    axes.set_ylim(bottom=0, top=1 if y.endswith("accuracy") else None)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def mean_curve(group: pd.DataFrame, x: str, y: str = "loss") -> pd.DataFrame:
    """Average a design's seeds round by round, after a running mean along each episode."""
    group = group.assign(step=group.groupby("seed").cumcount())
    window = max(int(np.ceil(SMOOTHING * (group["step"].max() + 1))), 1)
    smooth = group.groupby("seed")[y].transform(
        lambda values: values.rolling(window, min_periods=1).mean()
    )
    steps = group.assign(**{y: smooth}).groupby("step")
    return pd.DataFrame(
        {
            x: steps[x].mean(),
            y: steps[y].mean(),
            "interval": interval95(steps[y]),
        }
    )
