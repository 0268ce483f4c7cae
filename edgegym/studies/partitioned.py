"""What integrating both allocations is worth, over how unlike the workers are.

The abstract of PABA says that it lowers latency by e.g. 46 % and raises accuracy by e.g. 4 %, not
against what, nor how unlike its workers are. Here both are measured over that.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from edgegym.physics.draws import Stream, keyed_generator
from edgegym.runs.play import play_plan
from edgegym.studies.study import Figures, Finding, Points, Study
from edgegym.systems.partitioned.plan import PartitionedPlan
from edgegym.systems.partitioned.scenario import PartitionedScenario

#: What is compared: everything alike, one side planned at a time, both jointly.
SCHEMES = ("equal", "paba", "bapa", "joint")
DECADES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
#: What the abstract says.
CLAIMED_LATENCY, CLAIMED_ACCURACY = 0.46, 0.04
#: What is spread.
SPREAD = ("worker_clock_hz", "uplink_gain")


def spread_workers(scenario: PartitionedScenario, decades: float, draw: int) -> PartitionedScenario:
    """Spread the workers' clocks and gains evenly by logarithm, about their geometric means.

    The same draw at more decades is the same workers, further apart.

    Parameters
    ----------
    scenario : all else
    decades : between the slowest and the fastest that can be drawn
    draw : which one

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> alike = spread_workers(load_scenario("partitioned-digits"), 0.0, draw=0)
    >>> bool(np.ptp(alike.worker_clock_hz) < 1), bool(np.ptp(alike.uplink_gain) < 1e-20)
    (True, True)
    """
    rng = keyed_generator(draw, Stream.CALIBRATION)
    changed = {}
    for key in SPREAD:
        values = getattr(scenario, key)
        mean = np.exp(np.mean(np.log(values)))
        changed[key] = (mean * 10 ** (decades * rng.uniform(-0.5, 0.5, values.size))).tolist()
    return scenario.replace(**changed, downlink_gain=changed["uplink_gain"])


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Plan and train systems more and more unlike, and say where the abstract's gaps appear."""
    scenario, (draws, seeds) = study.read_scenario(), study.options.values()
    latencies = latency_rows(scenario, DECADES, draws)
    accuracies = accuracy_rows(scenario, DECADES, seeds, points, data_dir)
    summary = summarise_gains(latencies, accuracies)
    title = f"Scenario {scenario.name}, {draws} systems, {seeds} seeds"
    return Finding(
        {"latencies": latencies, "accuracies": accuracies, "summary": summary},
        {"gains": plot_gains(summary, title)},
        "summary",
        in_words(summary),
    )


def latency_rows(
    scenario: PartitionedScenario, decades: Sequence[float], n_draws: int
) -> pd.DataFrame:
    """Plan every scheme for systems more and more unlike.

    Returns
    -------
    A row per spread, draw and scheme, with the latency of a round in s
    """
    import baselines

    rows = []
    for spread in decades:
        for draw in range(n_draws):
            system = spread_workers(scenario, spread, draw).replace(delay_budget_s=1e9)
            for scheme in SCHEMES:
                latency_s = baselines.plan(system, scheme).value
                rows.append({"decades": spread, "draw": draw, "scheme": scheme, "s": latency_s})
    return pd.DataFrame(rows)


def accuracy_rows(
    scenario: PartitionedScenario,
    decades: Sequence[float],
    n_seeds: int,
    points: Points,
    data_dir: str | None,
) -> pd.DataFrame:
    """Train under the equal and the joint plan of one system for each spread and seed.

    Returns
    -------
    A row per spread, seed and scheme, with the test accuracy at the delay budget
    """
    import baselines

    keys: dict[str, tuple[float, int, str]] = {}
    calls: dict[str, Callable[[], Figures]] = {}
    for spread in decades:
        for seed in range(n_seeds):
            system = spread_workers(scenario, spread, draw=seed)
            for scheme in ("equal", "joint"):
                planned = baselines.plan(system, scheme).plan
                if planned is not None:
                    name = f"{scheme}-{spread:g}-seed{seed}"
                    keys[name] = spread, seed, scheme
                    calls[name] = partial(_train, system, planned, seed, data_dir)
    trained = points("accuracies", calls)
    columns = ["decades", "seed", "scheme", "accuracy", "rounds"]  # also where nothing fits
    rows = [(*keys[name], *figures.values()) for name, figures in trained.items()]
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:3], ignore_index=True)


def _train(
    scenario: PartitionedScenario, plan: PartitionedPlan, seed: int, data_dir: str | None
) -> Figures:
    final = play_plan(scenario, plan, seed, data_dir=data_dir).final
    return {"accuracy": final["test_accuracy"], "rounds": final["n_rounds"]}


def summarise_gains(latencies: pd.DataFrame, accuracies: pd.DataFrame) -> pd.DataFrame:
    """Average what the joint plan saves and gains, spread by spread.

    Returns
    -------
    A row per spread: shares of the latency saved against equal parts and against the better of the
    one-sided plans, and accuracy gained at the budget against equal parts, not a number where
    nothing was trained
    """
    by_scheme = latencies.pivot(index=["decades", "draw"], columns="scheme", values="s")
    one_sided = by_scheme[["paba", "bapa"]].min(axis="columns")
    saved = pd.DataFrame(
        {
            "saved_against_equal": 1 - by_scheme["joint"] / by_scheme["equal"],
            "saved_against_one_sided": 1 - by_scheme["joint"] / one_sided,
        }
    )
    summary = saved.groupby("decades").mean()
    trained = accuracies.pivot(index=["decades", "seed"], columns="scheme", values="accuracy")
    # A scheme is not there where no round of it fits in any system.
    trained = trained.reindex(columns=["equal", "joint"]).astype(float)
    gained = trained["joint"] - trained["equal"]
    summary["accuracy_gained"] = gained.groupby("decades").mean()
    return summary.reset_index()


def in_words(summary: pd.DataFrame) -> str:
    """Say where gaps as large as the abstract's appear, and where not."""
    gaps = (
        ("saved_against_equal", CLAIMED_LATENCY, "A latency lower by 46 % than with equal parts"),
        (
            "saved_against_one_sided",
            CLAIMED_LATENCY,
            "One lower than the better one-sided plan's",
        ),
        ("accuracy_gained", CLAIMED_ACCURACY, "An accuracy higher by 4 points at the budget"),
    )
    sentences = []
    for column, claimed, what in gaps:
        reached = summary.loc[summary[column] >= claimed, "decades"]
        if summary[column].isna().all():
            sentences.append(f"{what}: nothing was trained that tells.")
            continue
        most = summary[column].max()
        where = (
            f"appears from {reached.iloc[0]:g} decades on"
            if len(reached)
            else f"does not appear up to {summary['decades'].max():g} decades"
        )
        sentences.append(f"{what} {where} (at most {most:.1%}).")
    return " ".join(sentences)


def plot_gains(summary: pd.DataFrame, title: str) -> Figure:
    """Draw both gains over the spread, with what the abstract says."""
    figure = Figure(figsize=(8.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for rival, colour, style in (("equal", "#0072B2", "o-"), ("one_sided", "#D55E00", "s--")):
        saved, label = summary[f"saved_against_{rival}"], f"against {rival.replace('_', '-')}"
        left.plot(summary["decades"], 100 * saved, style, color=colour, label=label)
    gained = 100 * summary["accuracy_gained"]
    right.plot(summary["decades"], gained, "o-", color="#0072B2", label="against equal")
    claims = ((left, CLAIMED_LATENCY), (right, CLAIMED_ACCURACY))
    for axes, claimed in claims:
        axes.axhline(100 * claimed, color="grey", linestyle=":", label="the abstract's")
        axes.set_xlabel("Workers' speeds and gains spread over (decades)")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    left.set_ylabel("Latency saved by the joint plan (%)")
    right.set_ylabel("Accuracy gained at the budget (points)")
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure
