"""What planning matching and bandwidth jointly is worth, over systems drawn at random.

The abstract of DEFT promises a significant reduction of latency, without a number; a summary that
a machine wrote has one, of 40 %. Neither says against what.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from edgegym.physics.draws import Stream, keyed_generator
from edgegym.studies.study import Finding, Points, Study
from edgegym.systems.cooperative.scenario import CooperativeScenario

#: What the joint optimum is compared with: scheme and method, by the name of a row.
RIVALS = {
    "dual-ascent": ("joint", "dual-ascent"),
    "crunch": ("crunch", "exact"),
    "min-sum": ("min-sum", "exact"),
    "crunch-equal": ("crunch-equal", "exact"),
    "random-matching": ("random-matching", "exact"),
    "alone": ("alone", "exact"),
}
#: Decades over which gains are drawn.
GAIN_DECADES = 2.5
#: What a summary says of a round's latency.
CLAIMED = 0.4


def settle(study: Study, points: Points) -> Finding:
    """Plan systems drawn at random, and say against what as much is saved as is claimed."""
    del points  # a plan takes milliseconds
    scenario, (draws,) = study.read_scenario(), study.options.values()
    latencies = latency_rows(scenario, draws)
    summary = summarise_savings(latencies)
    title = f"Scenario {scenario.name}, {draws} systems"
    pictures = {"savings": plot_savings(summary, title)}
    return Finding(
        {"latencies": latencies, "summary": summary}, pictures, "summary", in_words(summary)
    )


def drawn_system(scenario: CooperativeScenario, draw: int) -> CooperativeScenario:
    """Draw gains evenly by logarithm about their geometric mean, and deal clocks and memory anew.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> default = load_scenario("cooperative-digits")
    >>> sorted(drawn_system(default, 3).device_clock_hz) == sorted(default.device_clock_hz)
    True
    """
    rng = keyed_generator(draw, Stream.CALIBRATION)
    n = scenario.n_devices
    middle = np.exp(np.mean(np.log(scenario.uplink_gain)))
    gain = middle * 10 ** (GAIN_DECADES * rng.uniform(-0.5, 0.5, n))
    dealt = {
        key: getattr(scenario, key)[rng.permutation(n)]
        for key in ("device_clock_hz", "device_memory_bytes")
    }
    return scenario.replace(uplink_gain=gain, downlink_gain=gain, delay_budget_s=1e12, **dealt)


def latency_rows(scenario: CooperativeScenario, n_draws: int) -> pd.DataFrame:
    """Plan every scheme in systems drawn at random.

    Returns
    -------
    A row per draw, with the latency of a round in s of the joint optimum and of each rival, not a
    number where no device holds what a rival needs
    """
    import baselines

    rows = []
    for draw in range(n_draws):
        system = drawn_system(scenario, draw)
        row = {"draw": draw, "joint": baselines.plan(system).value}
        row |= {name: baselines.plan(system, *how).value for name, how in RIVALS.items()}
        rows.append(row)
    return pd.DataFrame(rows).replace(np.inf, np.nan)


def summarise_savings(latencies: pd.DataFrame) -> pd.DataFrame:
    """Work out what share of each rival's latency the joint optimum saves.

    Returns
    -------
    A row per rival: mean, least and most over the draws
    """
    saved = 1 - latencies[["joint"]].to_numpy() / latencies[list(RIVALS)]
    summary = pd.DataFrame({"saved": saved.mean(), "least": saved.min(), "most": saved.max()})
    return summary.rename_axis("rival").reset_index()


def in_words(summary: pd.DataFrame) -> str:
    """Say against whom the joint optimum saves as much as is claimed."""
    reached = summary.loc[summary["saved"] >= CLAIMED, "rival"].tolist()
    rivals = summary.set_index("rival")["saved"]
    against = f"against {' and '.join(reached)}" if reached else "against none of them"
    return (
        f"A latency lower by {CLAIMED:.0%} is reached on average {against}; against CRUNCH with "
        f"its best shares {rivals['crunch']:.1%} are saved, with equal ones "
        f"{rivals['crunch-equal']:.1%}."
    )


def plot_savings(summary: pd.DataFrame, title: str) -> Figure:
    """Draw how much is saved against each rival: on average, and from least to most."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(summary))[::-1]
    axes.hlines(places, 100 * summary["least"], 100 * summary["most"], color="#0072B2")
    axes.plot(100 * summary["saved"], places, "o", color="#0072B2", label="mean; least to most")
    axes.set_yticks(places, summary["rival"])
    axes.axvline(100 * CLAIMED, color="grey", linestyle=":", label="a summary's claim")
    axes.set_xlabel("Latency saved by the joint optimum (%)")
    axes.grid(alpha=0.3, axis="x")
    axes.legend(frameon=False)
    axes.set_title(title, fontsize="medium", parse_math=False)
    return figure
