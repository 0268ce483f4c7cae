"""The dashboard: an episode as a picture, for `render_mode="rgb_array"`."""

from collections.abc import Hashable
from typing import Protocol

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgegym.envs.dashboard.decided import Decided
from edgegym.envs.dashboard.devices import Choices, Gains, Power
from edgegym.envs.dashboard.lifecycle import Course, Gauges, Header
from edgegym.envs.view import View

WIDTH, HEIGHT, DPI = 960, 540, 100  # pixels; even, as video codecs ask


class Panel(Protocol):
    """A part of the picture, its artists animated but for those that seldom change."""

    def update(self, view: View) -> Hashable:
        """Show the present state and return what the artists that seldom change depend on."""


class Dashboard:
    """A figure that is made once; a frame draws only what moves over a picture of the rest."""

    def __init__(self, view: View) -> None:
        self._figure = figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
        self._canvas = FigureCanvasAgg(figure)
        of_decisions = (Choices, Power) if view.system == "two-stage" else (Decided,)
        of_radio = (Gains,) if hasattr(view.state.draw, "uplink_gain") else ()
        panels = (Header, Course, Gauges, *of_decisions, *of_radio)
        self._panels: list[Panel] = [panel(figure, view) for panel in panels]
        self._moving = figure.findobj(lambda artist: artist.get_animated())
        self._scene: list[Hashable] = []
        self._still = np.empty(0)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        # A figure does not survive copying: a copied environment makes one of its own.
        return type(None), ()

    def draw(self, view: View) -> NDArray[np.uint8]:
        """Draw the present state: (height, width, 3), red, green and blue."""
        scene = [panel.update(view) for panel in self._panels]
        if scene != self._scene:
            self._canvas.draw()
            self._scene, self._still = scene, np.array(self._canvas.buffer_rgba())
        frame = np.asarray(self._canvas.buffer_rgba())
        frame[:] = self._still
        for artist in self._moving:
            self._figure.draw_artist(artist)
        return frame[:, :, :3].copy()
