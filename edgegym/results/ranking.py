"""From episodes to a ranking: every contender's final figures, scores and how sure they are."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edgegym.lifecycle.state import EndCode
from edgegym.results.measures import Metric
from edgegym.results.scores import (
    Array,
    bootstrap_interval,
    interquartile_mean,
    normalised_score,
    paired_difference,
    probability_of_improvement,
    resample_seeds,
)
from edgegym.runs.players import RANDOM
from edgegym.systems.system import System

Rows = NDArray[np.int64]


def headings(metric: Metric, reference: str) -> dict[str, str]:
    """Name the columns of a ranking whose headings depend on what was run.

    Examples
    --------
    >>> from edgegym.systems.partitioned import PARTITIONED
    >>> from edgegym.results.measures import metric_of
    >>> headings(metric_of("train", PARTITIONED), PARTITIONED.reference)["difference"]
    'difference to joint'
    """
    return {
        "mean": metric.label,
        "score": f"score ({RANDOM} 0, {reference} 1)",
        "improvement": f"better than {reference}",
        "difference": f"difference to {reference}",
    }


def rank(
    results: pd.DataFrame, metric: Metric, rng: np.random.Generator, system: System
) -> pd.DataFrame:
    """Reduce one row per episode to one per contender, the lowest mean first.

    An episode whose training diverged counts as an untrained network, by what the validation set
    said at first.

    Parameters
    ----------
    results : columns contender, design (one for each agent), seed and the final figures; the same
        seeds for everyone
    metric : what to rank by
    rng : draws the resamples of the seeds
    system : whose measures are averaged, and whose reference the others are measured by

    Returns
    -------
    Column `metric`; means of the best and the worst agent; `mean` of all episodes with Student's
    half width `mean_interval` over the seeds; `iqm`, `score` (0 the random policy, 1 the
    reference) and `improvement` (probability over the reference), each with the ends `_low` and
    `_high` of its bootstrap interval; `difference` to the reference on the same seed with
    `difference_interval`; means of the final figures; `violated` and `diverged`, shares of the
    episodes. What cannot be told is not a number.
    """
    counted = _count_diverged(results, metric)
    losses = {
        str(name): own.pivot(index="seed", columns="design", values=metric.loss).to_numpy()
        for name, own in counted.groupby("contender", sort=False)
    }
    n_seeds = counted["seed"].nunique()
    rows, other_rows = (resample_seeds(n_seeds, rng) for _ in range(2))
    measured = pd.DataFrame(
        [_measure(name, losses, system.reference, rows, other_rows) for name in losses]
    )
    board = measured.merge(_final_means(counted, metric, system), on="contender")
    board.insert(1, "metric", metric.loss)
    return board.sort_values("mean", ignore_index=True, kind="stable")


def _count_diverged(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Put the figures of the untrained network where training has left none."""
    losses = results[metric.loss].astype(float)
    if metric.accuracy is None:  # nothing is trained, so that nothing diverges
        return results.assign(**{metric.loss: losses})
    accuracies = results[metric.accuracy].astype(float)
    filled = {
        metric.loss: losses.fillna(results["validation_loss"]),
        metric.accuracy: accuracies.fillna(results["validation_accuracy"]),
    }
    return results.assign(**filled)


def _measure(
    name: str, losses: dict[str, Array], reference: str, rows: Rows, other_rows: Rows
) -> dict[str, str | float]:
    """Work out what the losses on common seeds say of one contender."""
    own = losses[name]
    unknown = np.full_like(own, np.nan)
    random, paper = (losses.get(key, unknown) for key in (RANDOM, reference))
    mean, mean_interval = paired_difference(own, np.zeros_like(own))
    difference, difference_interval = paired_difference(own, paper)
    return {
        "contender": name,
        "n_agents": own.shape[1],
        "best_agent": own.mean(axis=0).min(),
        "worst_agent": own.mean(axis=0).max(),
        "mean": mean,
        "mean_interval": mean_interval,
        "difference": difference,
        "difference_interval": difference_interval,
        **_estimate("iqm", interquartile_mean, (own, rows)),
        **_estimate("score", normalised_score, (own, rows), (random, rows), (paper, rows)),
        **_estimate("improvement", probability_of_improvement, (own, rows), (paper, other_rows)),
    }


def _estimate(
    key: str, statistic: Callable[..., Array], *drawn: tuple[Array, Rows]
) -> dict[str, float]:
    """Give a statistic of all seeds and the ends of its interval, unknown for a single seed."""
    value = float(statistic(*(losses for losses, _ in drawn)))
    resampled = statistic(*(losses[rows] for losses, rows in drawn))
    low, high = bootstrap_interval(resampled) if len(drawn[0][0]) > 1 else (np.nan, np.nan)
    return {key: value, f"{key}_low": low, f"{key}_high": high}


def _final_means(results: pd.DataFrame, metric: Metric, system: System) -> pd.DataFrame:
    """Average the final figures of each contender's episodes."""
    diverged = results["end_code"] == EndCode.DIVERGED
    figures = results[["total_delay_s", "total_energy_j", "cost"]].assign(
        contender=results["contender"],
        accuracy=results[metric.accuracy] if metric.accuracy else np.nan,
        violated=~results["is_success"].astype(bool) & ~diverged,
        diverged=diverged,
        **{measure.name: results[measure.name] for measure in system.measures},
    )
    return figures.groupby("contender", sort=False).mean().reset_index()


def average_agents(rounds: pd.DataFrame, contenders: Sequence[str]) -> pd.DataFrame:
    """Average the courses of each contender's agents on the same seed, step by step.

    Parameters
    ----------
    rounds : columns contender, design, seed, loss and delay_s
    contenders : whose courses, in the order they are wanted

    Returns
    -------
    One course for each contender, now called design, and seed
    """
    keys = ["rank", "design", "seed", "step"]
    courses = rounds.assign(
        rank=rounds["contender"].map({name: rank for rank, name in enumerate(contenders)}),
        step=rounds.groupby(["design", "seed"]).cumcount(),
        design=rounds["contender"],
    )
    return courses.groupby(keys)[["loss", "delay_s"]].mean().reset_index()
