"""Panels of what was decided last, one for each part of the action."""

from collections.abc import Hashable

import numpy as np
from matplotlib.figure import Figure

from edgegym.envs.dashboard.devices import Bars, device_axes, logarithmic
from edgegym.envs.dashboard.style import GREEN
from edgegym.envs.view import View

MOST_PARTS = 3  # that stand side by side
LOWEST = 1e-4  # of the highest value, that an axis shows
LEFT, STEP = 0.06, 0.24  # of the figure's width


class Decided:
    """The last decision, part by part, for systems without panels of their own."""

    def __init__(self, figure: Figure, view: View) -> None:
        self._bars = {}
        for column, part in enumerate(view.rules.parts[:MOST_PARTS]):
            low, high = (np.ravel(end) for end in part.bounds)
            name = part.name.replace("_", " ")
            title = name if name.endswith(part.unit) else f"{name}, {part.unit}"
            places = np.arange(1.0, low.size + 1)
            axes = device_axes(figure, LEFT + STEP * column, title, places)
            logarithmic(axes, max(0.7 * low.min(), LOWEST * high.max()), 1.6 * high.max())
            self._bars[part.name] = Bars(axes, places, 0.7, GREEN)

    def update(self, view: View) -> Hashable:
        """Set the bars to the decision of the last round."""
        decisions = view.history.decisions
        if decisions:
            last = decisions[max(decisions)]
            for name, bars in self._bars.items():
                bars.set_heights(getattr(last, name))
        return None
