"""Whether blocks that are trained by different devices pull the model apart.

Every block's gradient comes from its own device's samples. Where each device always has the same
block, and a small share of the data, nothing holds the blocks together; where blocks go from device
to device, or all hold the same data, something does.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edgegym.results.statistics import interval95
from edgegym.studies.study import Figures, Finding, Points, Study
from edgegym.systems.cooperative.decision import CooperativeDecision
from edgegym.systems.cooperative.scenario import CooperativeScenario

#: Ways to train, and what is told of each.
WAYS = {
    "fixed": "each block by one device, on its own share",
    "rotating": "each block by the devices in turn, on their own shares",
    "alike": "each block by one device, which holds all shares",
    "one batch": "all blocks by one device, which holds all shares",
    "one share": "all blocks by one device, on its own share",
}
LEARNING_RATES = (0.03, 0.1)
#: Rounds after which the test samples are looked at.
LOOKS = (25, 50, 100, 200)


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Train in every way with every learning rate and seed, and say which fall behind."""
    scenario, (seeds,) = study.read_scenario(), study.options.values()
    curves = accuracy_rows(scenario, seeds, points, data_dir)
    summary = summarise_ways(curves)
    title = f"Scenario {scenario.name}, {seeds} seeds"
    return Finding(
        {"accuracies": curves, "summary": summary},
        {"drift": plot_ways(curves, title)},
        "summary",
        in_words(summary),
    )


def accuracy_rows(
    scenario: CooperativeScenario, n_seeds: int, points: Points, data_dir: str | None
) -> pd.DataFrame:
    """Train in every way.

    Returns
    -------
    A row per learning rate, way, seed and look, with the test accuracy
    """
    keys: dict[str, tuple[float, str, int]] = {}
    calls: dict[str, Callable[[], Figures]] = {}
    for rate in LEARNING_RATES:
        for way in WAYS:
            for seed in range(n_seeds):
                name = f"{way.replace(' ', '-')}-{rate:g}-seed{seed}"
                keys[name] = rate, way, seed
                calls[name] = partial(train_way, scenario, way, rate, seed, LOOKS, data_dir)
    trained = points("accuracies", calls)
    rows = [
        (*keys[name], int(n_rounds), accuracy)
        for name, figures in trained.items()
        for n_rounds, accuracy in figures.items()
    ]
    return pd.DataFrame(rows, columns=["learning_rate", "way", "seed", "rounds", "accuracy"])


def train_way(
    scenario: CooperativeScenario,
    way: str,
    learning_rate: float,
    seed: int,
    looks: Sequence[int],
    data_dir: str | None,
) -> Figures:
    """Train in one way, every device holding every block, and look at the test samples.

    Parameters
    ----------
    scenario : what is trained
    way : one of `WAYS`
    learning_rate : of the fine-tuning
    seed : of weights and mini-batches
    looks : rounds after which it is looked
    data_dir : where the data sets lie

    Returns
    -------
    The test accuracy by the number of rounds
    """
    from edgegym.learning.centralized import joined
    from edgegym.learning.cooperative import CooperativeLearner
    from edgegym.learning.datasets import TaskData
    from edgegym.learning.learner import measure

    # Memory is no matter here: it would keep some pairs apart.
    changed = scenario.replace(learning_rate=learning_rate, device_memory_bytes=1e15)
    learner = CooperativeLearner(changed, seed, "cpu", data_dir)
    if way in ("alike", "one batch"):
        data = learner.data
        everything = [joined(data.devices)] * scenario.n_devices
        shared = TaskData.of(data.server, everything, data.validation, data.test, data.n_classes)
        learner.data = shared
    batch, accuracies = scenario.least_batch_size, dict[str, float]()
    for index in range(max(looks)):
        matching = matching_of(way, index, scenario)
        learner.run_round(0, index, CooperativeDecision(matching, None, batch))
        if index + 1 in looks:
            accuracies[str(index + 1)] = measure(learner.network, learner.data.test)[1]
    return accuracies


def matching_of(way: str, index: int, scenario: CooperativeScenario) -> NDArray[np.intp]:
    """Say who takes which block in a round.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> scenario = load_scenario("cooperative-digits")
    >>> [matching_of(way, 7, scenario).tolist() for way in ("fixed", "rotating", "one share")]
    [[0, 1, 2, 3, 4, 5], [7, 8, 9, 0, 1, 2], [0, 0, 0, 0, 0, 0]]
    """
    blocks = np.arange(scenario.n_blocks)
    if way.startswith("one"):
        return np.zeros_like(blocks)
    return (blocks + index * (way == "rotating")) % scenario.n_devices


def summarise_ways(curves: pd.DataFrame) -> pd.DataFrame:
    """Average the last look over the seeds.

    Returns
    -------
    A row per learning rate and way: accuracy, half its 95 % interval, what it lacks of the best
    of the earlier looks of its own
    """
    last = curves[curves["rounds"] == curves["rounds"].max()]
    groups = last.groupby(["learning_rate", "way"], sort=False)["accuracy"]
    looks = curves.groupby(["learning_rate", "way", "rounds"], sort=False)["accuracy"].mean()
    best = looks.groupby(["learning_rate", "way"], sort=False).max()
    summary = pd.DataFrame(
        {
            "accuracy": groups.mean(),
            "accuracy_interval": interval95(groups),
            "lost_since_best": best - groups.mean(),
        }
    )
    return summary.reset_index()


def in_words(summary: pd.DataFrame) -> str:
    """Say at each learning rate what fixed matching loses, and whether rotation gives it back."""
    sentences = []
    for rate, rows in summary.groupby("learning_rate"):
        accuracy = rows.set_index("way")["accuracy"]
        sentences.append(
            f"At learning rate {rate:g} a fixed matching of own shares ends at an accuracy of "
            f"{accuracy['fixed']:.3f}, one that rotates at {accuracy['rotating']:.3f}, a fixed one "
            f"of like data at {accuracy['alike']:.3f}, one joint batch at "
            f"{accuracy['one batch']:.3f}."
        )
    return " ".join(sentences)


def plot_ways(curves: pd.DataFrame, title: str) -> Figure:
    """Draw the accuracies over the rounds, a panel for each learning rate."""
    rates = curves["learning_rate"].unique()
    figure = Figure(figsize=(8.5, 3.8), layout="constrained")
    panels = figure.subplots(1, len(rates), sharey=True, squeeze=False)[0]
    colours = ("#D55E00", "#0072B2", "#009E73", "#000000", "#CC79A7")
    for axes, rate in zip(panels, rates, strict=True):
        for (way, told), colour in zip(WAYS.items(), colours, strict=True):
            rows = curves[(curves["learning_rate"] == rate) & (curves["way"] == way)]
            looks = rows.groupby("rounds")["accuracy"].mean()
            axes.plot(looks.index, looks, "o-", color=colour, label=f"{way}: {told}")
        axes.set_title(f"learning rate {rate:g}", fontsize="medium")
        axes.set_xlabel("Rounds")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("Test accuracy")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", frameon=False)
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure
