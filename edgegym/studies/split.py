"""What a split costs in accuracy, over layers, ranks and seeds; and the law that follows.

The abstract of SFT says that traffic falls 96 times with little impact on accuracy. 96 is the
hidden width of BERT-base over the rank of 8 in the authors' scripts. Here the network of a
scenario is fine-tuned for real at every split, and what it reaches is kept for planners.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from edgegym.studies.split_law import fit_law, half_width
from edgegym.studies.study import Figures, Finding, Points, Study
from edgegym.systems.split.scenario import SplitScenario

#: Batch sizes, by the planned one, from which the worth of a larger batch is fitted.
BATCHES = (0.5, 2.0, 4.0)
#: What the abstract calls little is not said; this much is called so here.
LITTLE = 0.02


class At(NamedTuple):
    """What one point trains."""

    layer: int
    rank: int  # 0 is the whole hidden state
    keep_residual: bool
    batch_size: int
    seed: int

    @property
    def name(self) -> str:
        """The name of its file."""
        residual = "-residual" if self.keep_residual else ""
        return f"layer{self.layer}-rank{self.rank}{residual}-batch{self.batch_size}-seed{self.seed}"


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Train every split with every seed; the tables, the law and what they say of the claim."""
    scenario: SplitScenario = study.read_scenario()
    seeds = range(study.options["seeds"])
    planned = scenario.batch_size
    ats = [At(*pair, False, planned, seed) for pair in scenario.splits() for seed in seeds]
    middle = _middle(scenario)
    if study.options["residual"]:
        layers = scenario.split_layers.tolist()
        ats += [At(layer, middle[1], True, planned, seed) for layer in layers for seed in seeds]
    sizes = sorted({max(1, int(ratio * planned)) for ratio in BATCHES} - {planned})
    least, most = scenario.least_batch_size, scenario.batch_size_limit
    sizes = [size for size in sizes if least <= size <= most]
    ats += [At(*middle, False, size, seed) for size in sizes for seed in seeds]
    calls: Mapping[str, Callable[[], Figures]] = {
        at.name: partial(train, scenario, at, data_dir) for at in ats
    }
    figures = points("accuracies", calls)
    looks = look_rows(ats, figures)
    law = fit_law(scenario, looks, middle, len(seeds))
    summary = summarise(scenario, looks)
    title = f"Scenario {scenario.name}, {len(seeds)} seeds"
    return Finding(
        {"looks": looks, "summary": summary},
        {"accuracies": plot_accuracies(summary, title)},
        "summary",
        in_words(scenario, summary),
        {"law.json": law.model_dump_json(indent=1)},
    )


def _middle(scenario: SplitScenario) -> tuple[int, int]:
    layers, ranks = scenario.split_layers, scenario.ranks
    return int(layers[layers.size // 2]), int(ranks[ranks.size // 2])


def train(scenario: SplitScenario, at: At, data_dir: str | None) -> Figures:
    """Fine-tune at one split for all rounds, and look at the validation samples now and then."""
    import torch

    from edgegym.learning.learner import measure
    from edgegym.learning.split_learner import SplitLearner

    torch.set_num_threads(1)
    learner = SplitLearner(scenario, at.seed, data_dir=data_dir)
    task = scenario.learning
    assert task is not None  # the learner has refused what has none
    learner.split_at(at.layer, at.rank, at.keep_residual)
    rounds, accuracy = [0], [learner.validation()[1]]
    start = learner.start_accuracy
    for done in range(1, scenario.max_rounds + 1):
        learner.train(done - 1, at.batch_size)
        if done % task.validation_interval == 0:
            rounds.append(done)
            accuracy.append(learner.validation()[1])
    test_accuracy = measure(learner.whole, learner.data.test)[1]
    return {
        "start_accuracy": start,
        "rounds": rounds,
        "accuracy": accuracy,
        "test_accuracy": test_accuracy,
    }


def look_rows(ats: Sequence[At], figures: Mapping[str, Figures]) -> pd.DataFrame:
    """List every look at the validation samples, and the one at the test samples at the end."""
    rows = []
    for at in ats:
        found = figures[at.name]
        for place, done in enumerate(found["rounds"]):
            is_last = place == len(found["rounds"]) - 1
            looked = {
                "rounds": done,
                "accuracy": found["accuracy"][place],
                "test_accuracy": found["test_accuracy"] if is_last else math.nan,
                "start_accuracy": found["start_accuracy"],
            }
            rows.append(at._asdict() | looked)
    return pd.DataFrame(rows)


def summarise(scenario: SplitScenario, looks: pd.DataFrame) -> pd.DataFrame:
    """Average the accuracies at the end, split by split, with how much less crosses."""
    ends = looks[(looks["rounds"] == looks["rounds"].max())]
    ends = ends[ends["batch_size"] == scenario.batch_size]
    rows = []
    for (layer, rank, kept), found in ends.groupby(["layer", "rank", "keep_residual"]):
        is_split = 0 < layer <= scenario.n_layers
        crosses = (rank + scenario.width * kept) if rank else scenario.width
        rows.append(
            {
                "split": ("all in the cloud" if not layer else f"layer {layer}")
                if layer <= scenario.n_layers
                else "all on the edge",
                "layer": layer,
                "rank": rank,
                "residual": "kept" if kept or not rank else "removed",
                "traffic_ratio": scenario.width / crosses if is_split else math.nan,
                "accuracy": found["accuracy"].mean(),
                "half_width": half_width(found["accuracy"]),
                "test_accuracy": found["test_accuracy"].mean(),
                "test_half_width": half_width(found["test_accuracy"]),
            }
        )
    return pd.DataFrame(rows)


def in_words(scenario: SplitScenario, summary: pd.DataFrame) -> str:
    """Say how much accuracy a thinner link costs at each layer, and whether that is little."""
    split = summary[(summary["layer"] > 0) & (summary["layer"] <= scenario.n_layers)]
    plain = split[split["rank"] == 0]["test_accuracy"].mean()
    sentences = [f"Unsplit, or split with the whole hidden state: {plain:.3f}."]
    thin = split[(split["rank"] > 0) & (split["residual"] == "removed")]
    for layer, rows in thin.groupby("layer"):
        little = rows[rows["test_accuracy"] >= plain - LITTLE]
        by_rank = rows.sort_values("rank").to_dict(orient="records")
        costs = ", ".join(
            f"{row['traffic_ratio']:g} times less traffic {row['test_accuracy'] - plain:+.3f}"
            for row in by_rank
        )
        most = f"{little['traffic_ratio'].max():g} times" if len(little) else "no rank"
        sentences.append(f"Layer {layer}: {costs}; at most {LITTLE:g} is lost up to {most}.")
    return " ".join(sentences)


def plot_accuracies(summary: pd.DataFrame, title: str) -> Figure:
    """Draw the accuracy over what crosses, a line for each layer."""
    figure = Figure(figsize=(6.5, 4.0), layout="constrained")
    axes = figure.subplots()
    thin = summary[(summary["rank"] > 0) & (summary["residual"] == "removed")]
    for layer, rows in thin.groupby("layer"):
        rows = rows.sort_values("rank")
        axes.errorbar(
            rows["traffic_ratio"],
            rows["test_accuracy"],
            rows["test_half_width"],
            marker="o",
            capsize=3,
            label=f"layer {layer}",
        )
    plain = summary[(summary["rank"] == 0)]["test_accuracy"].mean()
    axes.axhline(plain, color="grey", linestyle=":", label="nothing decomposed")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("Traffic of plain split learning, by that of the split")
    axes.set_ylabel("Test accuracy")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title(title, fontsize="medium", parse_math=False)
    return figure
