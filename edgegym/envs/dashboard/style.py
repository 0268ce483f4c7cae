"""The style of the dashboard: sizes, colours, and axes without ornament."""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

SMALL, MEDIUM, LARGE = 8.5, 9.5, 11.0  # points
INK, GREY, TRACK = "#222222", "#666666", "#E4E4E4"
#: Okabe and Ito's colours, which colour-blind readers tell apart.
BLUE, SKY, GREEN, ORANGE, RED = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
PRETRAIN_TINT, FINETUNE_TINT = "#EAF3FA", "#FDF3E1"


def plain(axes: Axes, n_ticks: int) -> Axes:
    """Take off the frame, make the labels small and the ticks few."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=SMALL, colors=GREY, length=2.5)
    axes.yaxis.set_major_locator(MaxNLocator(n_ticks, steps=[1, 2, 5, 10]))
    return axes
