"""The channel that a scenario's plans are made for."""

from typing import Any

import numpy as np


def mean_channel(scenario: Any) -> Any:
    """Give what can be planned ahead of time: where the gains are drawn anew, their mean.

    Parameters
    ----------
    scenario : of any system; one without a channel is given back

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> mean_channel(fading).uplink_gain.tolist()
    [1e-05, 1e-05, 1e-05]
    """
    if getattr(scenario, "channel_mode", "fixed") == "fixed":
        return scenario
    mean = np.full(scenario.uplink_gain.size, scenario.mean_path_gain).tolist()
    return scenario.replace(uplink_gain=mean, downlink_gain=mean)
