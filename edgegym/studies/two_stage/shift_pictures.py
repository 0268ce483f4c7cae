"""What the study of the shift draws: distance, Fig. 6's trend, and real training."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgegym.results.curves import STYLES

LABELS = {
    "finetune_rotation_deg": "Task's images turned by (degrees)",
    "missing_label_share": "Share of half the labels that the server lacks",
}
#: Whose pre-training is compared, and how.
WHO = (
    ("own", "#0072B2", "o-", "planned, the scenario's M^max"),
    ("free", "#D55E00", "s--", "planned, no M^max"),
    ("best", "#000000", "*:", "best in real training"),
)


def plot_shifts(plans: pd.DataFrame, summary: pd.DataFrame, title: str) -> Figure:
    """Draw a row for each kind of shift: what is measured, what is planned, what comes of it."""
    kinds = list(dict.fromkeys(plans["shift"]))
    figure = Figure(figsize=(12.5, 3.5 * len(kinds)), layout="constrained")
    for (left, middle, right), kind in zip(
        figure.subplots(len(kinds), 3, squeeze=False), kinds, strict=True
    ):
        rows = summary[summary["shift"] == kind]
        left.plot(rows["value"], rows["distance"], "o-", color="#009E73")
        left.set_ylabel("Measured W(P̂,P)")
        for who, colour, style, name in WHO:
            share = 100 * rows[f"{who}_delay_share"].astype(float)
            middle.plot(rows["value"], share, style, color=colour, label=name)
        middle.set_ylabel("Delay spent on pre-training (%)")
        middle.set_ylim(-3, 145)  # room for the legend
        middle.set_yticks(range(0, 101, 20))
        middle.legend(frameon=False, fontsize=8, loc="upper right")
        _losses(right, plans[plans["shift"] == kind])
        for axes in (left, middle, right):
            axes.set_xlabel(LABELS[kind])
            axes.grid(alpha=0.3)
        left.set_ylim(bottom=0)
        right.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def _losses(axes: Axes, plans: pd.DataFrame) -> None:
    """Draw the test loss of every plan along the frontier."""
    for index, (name, line) in enumerate(plans.groupby("plan", sort=False)):
        colour, dashes = STYLES[index]
        loss, half = line["test_loss"].astype(float), line["interval"].fillna(0.0)
        axes.plot(line["value"], loss, color=colour, linestyle=dashes, label=name)
        axes.fill_between(line["value"], loss - half, loss + half, color=colour, alpha=0.1)
    axes.set_yscale("log")
    losses = plans["test_loss"].astype(float)  # bands of few seeds can be far wider
    axes.set_ylim(0.7 * losses.min(), 1.4 * losses.max())
    axes.set_ylabel("Test loss in real training")
