"""Panels of the lifecycle: its stages, its losses, its budgets."""

import math
from collections.abc import Hashable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from edgegym.envs.dashboard.style import (
    BLUE,
    FINETUNE_TINT,
    GREY,
    INK,
    LARGE,
    MEDIUM,
    PRETRAIN_TINT,
    RED,
    SKY,
    SMALL,
    TRACK,
    plain,
)
from edgegym.envs.view import View, amount
from edgegym.physics import Array

LONGEST_NAME = 18  # characters of a scenario's name that fit
FEWEST_ROUNDS = 20  # that the horizontal axis shows
STAGES_AT = (0.37, 0.495, 0.59)  # of the figure's width
NAME_SHARE = 0.18  # of the horizontal axis that a stage needs to carry its name


class Header:
    """What is run, the stages with the present one marked, and the rounds done."""

    def __init__(self, figure: Figure, view: View) -> None:
        name = view.rules.scenario.name
        name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        title = f"{name} · {view.fidelity}"
        figure.text(0.02, 0.95, title, size=13, weight="bold", color=INK, va="center")
        self._status = figure.text(
            0.98, 0.95, "", size=LARGE, color=INK, ha="right", va="center", animated=True
        )
        self._stages = {
            stage: figure.text(x, 0.95, name, size=LARGE, va="center", ha="center")
            for (stage, name), x in zip(
                enumerate(view.stage_names), STAGES_AT[-len(view.stage_names) :], strict=True
            )
        }

    def update(self, view: View) -> Hashable:
        """Mark the stage and count the rounds."""
        self._status.set_text(view.status)
        for stage, text in self._stages.items():
            present = stage == view.state.stage
            fill = BLUE if present else TRACK
            text.set_color("white" if present else GREY)
            text.set_bbox({"boxstyle": "round,pad=0.35", "facecolor": fill, "edgecolor": "none"})
        return int(view.state.stage)


class Course:
    """Both losses over the rounds of all stages; what is measured where nothing is trained."""

    def __init__(self, figure: Figure, view: View) -> None:
        self._axes = axes = plain(figure.add_axes((0.06, 0.47, 0.58, 0.37)), 5)
        axes.set_facecolor(PRETRAIN_TINT)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        axes.set_xlabel("rounds", size=SMALL, color=GREY, labelpad=1)
        self._finetuning = axes.axvspan(0, 1, color=FINETUNE_TINT, zorder=0)
        self._marker = axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        self._names = [
            axes.text(0, 0.96, f" {name}", size=SMALL, color=GREY, va="top")
            for name in view.stage_names[:-1]
        ]
        for name in self._names:
            name.set_transform(axes.get_xaxis_transform())
        self._measure = next(iter(view.measured), None) if view.fidelity == "bound" else None
        self._lines = self._add_lines()
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.012, 0.98),
            ncols=2,
            frameon=False,
            fontsize=MEDIUM,
            labelcolor=INK,
        )

    def _add_lines(self) -> dict[str, Line2D]:
        """Add a line for each column of the history that is shown."""
        axes = self._axes
        if self._measure is not None:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
            label = self._measure.replace("_", " ")
            return {"measured": axes.plot([], [], color=BLUE, label=label, animated=True)[0]}
        loss = axes.plot([], [], color=SKY, linewidth=0.9, label="loss of the mini-batch")
        validation = axes.plot([], [], "o-", color=RED, markersize=3.5, label="validation loss")
        for line in (*loss, *validation):
            line.set_animated(True)
        return {"loss": loss[0], "validation_loss": validation[0]}

    def update(self, view: View) -> Hashable:
        """Draw the lines on, and the marker where fine-tuning began."""
        history, done = view.history, view.rounds
        rounds = np.array(history.rounds)
        columns = {key: np.array(getattr(history, key)) for key in self._lines}
        if "measured" in columns:
            columns["measured"] = columns["measured"][:, 0]
        for key, line in self._lines.items():
            changes = np.diff(columns[key], prepend=np.nan) != 0
            line.set_data(rounds[changes], columns[key][changes])
        right = _room(max(sum(done), FEWEST_ROUNDS))
        began = done[0] if view.state.stage and len(done) > 1 else right
        self._marker.set(xdata=[began, began], visible=began < right)
        self._finetuning.set(x=began, width=right - began)
        spans = ((0, began), (began, right - began))
        for name, (start, width) in zip(self._names, spans, strict=False):
            name.set(x=start, visible=width > NAME_SHARE * right)
        bottom, top = self._limits(np.concatenate(list(columns.values())), view)
        self._axes.set(xlim=(0, right), ylim=(bottom, top))
        return right, began, bottom, top

    def _limits(self, values: Array, view: View) -> tuple[float, float]:
        if self._measure is not None:
            now = view.measured[self._measure]
            low, high = (pick([now, *values]) for pick in (min, max))
            return 10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(2 * high))
        gap = view.rules.initial_loss
        return 0.0, _room(1.2 * min(max([gap, *values]), 3 * gap))


class Gauges:
    """How much of each budget is spent, and how well the network does."""

    def __init__(self, figure: Figure, view: View) -> None:
        axes = figure.add_axes((0.69, 0.47, 0.29, 0.41), xlim=(0, 1), ylim=(0, 4))
        axes.set_axis_off()
        heights = (2.97, 1.77)[: len(view.spending)]
        axes.barh(heights, 1, 0.42, color=TRACK)
        self._fills = [axes.barh(y, 0, 0.42, animated=True)[0] for y in heights]
        measured = [name.replace("_", " ") for name in view.measured]
        labels = [*view.spending, "validation accuracy", *measured]
        rows = (*(y + 0.35 for y in heights), 0.75, 0.2)
        for y, label in zip(rows, labels, strict=False):
            axes.text(0, y, label, size=LARGE, color=INK, weight="bold" if y > 1 else "normal")
        self._figures = [
            axes.text(1, y, "", size=LARGE, color=INK, ha="right", animated=True)
            for y, _ in zip(rows, labels, strict=False)
        ]

    def update(self, view: View) -> Hashable:
        """Fill the gauges; one that overflows changes its colour."""
        spent, state = view.spending.values(), view.state
        texts = [f"{amount(used, budget)} {unit}" for used, budget, unit in spent]
        for fill, (used, budget, _), over in zip(self._fills, spent, state.excess, strict=False):
            fill.set(width=min(used / budget, 1), facecolor=RED if over else BLUE)
        accuracy = f"{100 * state.validation[1]:.1f} %"
        texts += ["-" if view.fidelity == "bound" else accuracy]
        texts += [f"{value:.4g}" for value in view.measured.values()]
        for text, value in zip(self._figures, texts, strict=True):
            text.set_text(value)
        return None


def _room(value: float) -> float:
    """Round up to one of few values, so that an axis seldom changes.

    Examples
    --------
    >>> _room(101), _room(150), _room(2.6)
    (150.0, 150.0, 3.0)
    """
    step = 10.0 ** math.floor(math.log10(value)) / 2
    return step * math.ceil(value / step)
