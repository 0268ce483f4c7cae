"""Panels of the devices: their batches, clocks, powers and gains."""

from collections.abc import Hashable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from edgegym.envs.dashboard.style import BLUE, GREEN, GREY, INK, MEDIUM, ORANGE, SKY, SMALL, plain
from edgegym.envs.view import View
from edgegym.physics import Array
from edgegym.systems.two_stage.decision import Stage
from edgegym.systems.two_stage.rules import sums_of

FADED = 0.3  # opacity of what the last round did not use
BAR = 0.7  # width of a device's bar
GAINS_DB = (-30.0, 10.0)  # that the axis of gains shows; what lies outside is cut off
NOTE = (
    "by device; black: limit; faded: last round of pre-training; "
    "gains: of the coming round, over the mean path gain"
)


class Bars:
    """One bar for each position, as a single artist however many there are."""

    def __init__(self, axes: Axes, centres: Array, width: float, colour: str) -> None:
        edges = np.stack([centres - width / 2, centres + width / 2], axis=1).ravel()
        self._values = np.full(edges.size - 1, np.nan)  # between two bars there is none
        self.patch = axes.stairs(self._values, edges, fill=True, color=colour, animated=True)

    def set_heights(self, heights: ArrayLike) -> None:
        """Set the height of every bar, NaN for none."""
        self._values[::2] = heights
        self.patch.set_data(self._values)


class Choices:
    """The batches and clocks of either stage's last round; faded, those of the other stage."""

    def __init__(self, figure: Figure, view: View) -> None:
        s, k = view.rules.scenario, np.arange(1.0, view.rules.scenario.n_devices + 1)
        width = max(BAR, 0.06 * k.size)
        server = np.array([0.4 - width / 2])
        batch = device_axes(figure, 0.06, "batch, samples", k, server)
        clock = device_axes(figure, 0.3, "clock, % of limit", k, server)
        limits = [s.pretrain_batch_size_limit, *s.finetune_batch_size_limit]
        logarithmic(batch, 0.7, 1.6 * max(limits))
        _mark(batch, server, width, limits[0])
        _mark(batch, k, BAR, limits[1:])
        clock.set_ylim(0, 105)
        figure.text(0.06, 0.025, NOTE, size=SMALL, color=GREY)
        self._server = [Bars(axes, server, width, GREEN) for axes in (batch, clock)]
        self._devices = [Bars(axes, k, BAR, GREEN) for axes in (batch, clock)]

    def update(self, view: View) -> Hashable:
        """Set the bars to the last decision of either stage."""
        s, decided = view.rules.scenario, view.history.decisions
        heights: list[ArrayLike] = [np.nan] * 4
        if last := decided.get(Stage.PRETRAIN):
            clock = 100 * last.server_clock_hz / s.server_clock_limit_hz
            heights[:2] = last.server_batch_size, clock
        if last := decided.get(Stage.FINETUNE):
            heights[2:] = (
                last.finetune_batch_size,
                100 * last.device_clock_hz / s.device_clock_limit_hz,
            )
        for bars, height in zip((*self._server, *self._devices), heights, strict=True):
            bars.set_heights(height)
        for bars in self._server:
            bars.patch.set_alpha(FADED if Stage.FINETUNE in decided else 1.0)
        return None


class Power:
    """The devices' mean power."""

    def __init__(self, figure: Figure, view: View) -> None:
        s, k = view.rules.scenario, np.arange(1.0, view.rules.scenario.n_devices + 1)
        power = device_axes(figure, 0.54, "mean power, mW", k)
        limits = 1e3 * s.device_tx_power_mean_limit_w
        logarithmic(power, 1e-4 * max(limits), 2 * max(limits))
        _mark(power, k, BAR, limits)
        self._power = Bars(power, k, BAR, ORANGE)

    def update(self, view: View) -> Hashable:
        """Set the bars to the mean power."""
        self._power.set_heights(1e3 * sums_of(view.state.totals).mean_tx_power_w)
        return None


class Gains:
    """The gains of the coming round, of every system whose draw has any."""

    def __init__(self, figure: Figure, view: View) -> None:
        k = np.arange(1.0, view.rules.scenario.n_devices + 1)
        gains = device_axes(figure, 0.78, "gain, dB", k)
        gains.set_ylim(GAINS_DB)
        gains.axhline(0, color=GREY, linewidth=0.8)
        self._uplink = Bars(gains, k - BAR / 4, BAR / 2, BLUE)
        self._downlink = Bars(gains, k + BAR / 4, BAR / 2, SKY)
        gains.legend(
            [self._uplink.patch, self._downlink.patch],
            ["up", "down"],
            loc="lower right",
            bbox_to_anchor=(1.03, 0.98),
            ncols=2,
            frameon=False,
            fontsize=MEDIUM,
            labelcolor=INK,
            handlelength=0.8,
            handletextpad=0.4,
            columnspacing=1.0,
        )

    def update(self, view: View) -> Hashable:
        """Set the bars to the gains in force."""
        mean, draw = view.rules.scenario.mean_path_gain, view.state.draw
        self._uplink.set_heights(10 * np.log10(draw.uplink_gain / mean))
        self._downlink.set_heights(10 * np.log10(draw.downlink_gain / mean))
        return None


def device_axes(
    figure: Figure, left: float, title: str, devices: Array, server: Array | None = None
) -> Axes:
    """Make small axes with the devices' numbers along the bottom, at most five of them."""
    axes = plain(figure.add_axes((left, 0.1, 0.19, 0.22)), 4)
    axes.set_title(title, size=MEDIUM, color=INK, loc="left", pad=6)
    n_ticks = min(devices.size, 5)
    shown = np.linspace(devices.size / n_ticks, devices.size, n_ticks).round()
    ticks = {float(k): f"{k:g}" for k in shown}
    if server is not None:
        ticks[server[0]] = "server"
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(0.3 if server is None else 2 * server[0] - 0.7, devices.size + 0.7)
    return axes


def logarithmic(axes: Axes, low: float, high: float) -> None:
    """Make the vertical axis logarithmic, with plain numbers."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _mark(axes: Axes, centres: ArrayLike, width: float, limits: ArrayLike) -> None:
    """Mark a limit above each bar."""
    centres = np.asarray(centres)
    axes.hlines(limits, centres - width / 2, centres + width / 2, color=INK, linewidth=1.2)
