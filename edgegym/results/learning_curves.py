"""Learning curves: what agents end their episodes with, over the steps of their training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from edgegym.systems.measure import Measure

#: A curve is cut this many times above what it is compared with, where training begins.
TALLEST = 4.0
#: Ratio above which an axis is logarithmic.
WIDE = 3.0


def plot_learning(
    progress: pd.DataFrame, measure: Measure, title: str, references: Mapping[str, float]
) -> Figure:
    """Draw every agent's course and their mean, beside what planners reach.

    Parameters
    ----------
    progress : one row per agent and step count, with columns agent, steps and the measure's
    measure : what is drawn, of which less is better
    title : what was trained
    references : what planners end with, by name

    Returns
    -------
    The figure, not yet saved
    """
    metric = measure.name
    progress = progress.reindex(columns=["agent", "steps", metric])  # no episode may have ended
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for _, course in progress.groupby("agent"):
        axes.plot(course["steps"], course[metric], color="#0072B2", alpha=0.3, linewidth=1)
    mean = progress.groupby("steps")[metric].mean()
    axes.plot(mean.index, mean, color="#0072B2", label="agents, with their exploration")
    for (name, value), dashes in zip(references.items(), ("--", ":", "-."), strict=False):
        axes.axhline(value, color="black", linestyle=dashes, linewidth=1, label=name)
    unit = f" ({measure.unit})" if measure.unit else ""
    axes.set(xlabel="Steps of training", ylabel=f"Final {measure.label}{unit}")
    axes.set_title(title, parse_math=False)
    reached = progress[metric][np.isfinite(progress[metric])]
    if len(reached):  # else all training diverged, and no loss can be drawn
        lowest = min([*filter(np.isfinite, references.values()), reached.min()])
        axes.set_ylim(0.95 * lowest, min(1.1 * reached.max(), TALLEST * lowest))
        if is_wide(pd.Series([lowest, min(reached.max(), TALLEST * lowest)])):
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:.3g}")
            axes.yaxis.set_minor_formatter("{x:.3g}")
    if len(progress):
        axes.set_xlim(0, float(np.max(progress["steps"])))
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    return figure


def is_wide(values: pd.Series) -> bool:
    """Tell whether values are better shown by logarithm: a narrow axis would have hardly a tick.

    Examples
    --------
    >>> is_wide(pd.Series([0.1, 0.2])), is_wide(pd.Series([0.1, 5.0, float("nan")]))
    (False, True)
    """
    known = values[np.isfinite(values.astype(float)) & (values > 0)]
    return bool(len(known) and known.max() > WIDE * known.min())
