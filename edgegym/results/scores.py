"""Scores of contenders that met the same seeds, and how sure they are.

Losses, of which less is better, are (..., S, A) arrays: S seeds by the A agents of a contender, one
for a planner. What a seed does to one agent it does to all, so whole rows are resampled, and every
agent, a stratum, keeps its share in every resample: `losses[resample_seeds(S, rng)]`.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from edgegym.results.statistics import interval95

Array = NDArray[np.float64]
Interval = tuple[float, float]

N_RESAMPLES = 2000


def interquartile_mean(losses: Array) -> Array:
    """Average the middle half of all episodes, which an odd one out moves little.

    Parameters
    ----------
    losses : (..., S, A)

    Returns
    -------
    (...)

    Examples
    --------
    A quarter is cut at each end, so that 2, 3, 4 and 5 are left:

    >>> float(interquartile_mean(np.array([[1.0, 2], [3, 4], [5, 6], [0, 99]])))
    3.5
    """
    return stats.trim_mean(_episodes(losses), 0.25, axis=-1)


def probability_of_improvement(losses: Array, reference: Array) -> Array:
    """Estimate how probably a loss is below one of the reference's, ties counting one half.

    This is the Mann-Whitney statistic over the number of pairs. Its interval takes rows drawn for
    each side apart: with common rows a seed that is drawn twice would meet itself too often.

    Parameters
    ----------
    losses, reference : (..., S, A) and (..., S, B)

    Returns
    -------
    (...), from 0 to 1; not a number where a loss is none

    Examples
    --------
    Of six pairs three are below and one is a tie, (3 + 1/2) / 6:

    >>> losses, reference = np.array([[1.0], [4.0], [9.0]]), np.array([[4.0, 6.0]])
    >>> round(float(probability_of_improvement(losses, reference)), 4)
    0.5833
    """
    own, other = _episodes(losses), _episodes(reference)
    pairs, axes = (own[..., :, np.newaxis], other[..., np.newaxis, :]), (-2, -1)
    share = np.less(*pairs).mean(axis=axes) + np.equal(*pairs).mean(axis=axes) / 2
    unknown = np.isnan(own).any(axis=-1) | np.isnan(other).any(axis=-1)
    return np.where(unknown, np.nan, share)


def normalised_score(losses: Array, random: Array, paper: Array) -> Array:
    """Place a contender where the random policy is 0 and the paper's plan 1, higher being better.

    Score = (IQM random − IQM contender) / (IQM random − IQM paper)

    Parameters
    ----------
    losses, random, paper : (..., S, A), (..., S, B) and (..., S, C)

    Returns
    -------
    (...), not a number where the random policy is not worse than the paper's plan

    Examples
    --------
    >>> random, paper, better = (np.full((4, 1), value) for value in (2.0, 1.0, 0.5))
    >>> float(normalised_score(better, random, paper))
    1.5
    """
    value, zero, one = map(interquartile_mean, (losses, random, paper))
    span = np.where(zero > one, zero - one, np.nan)
    return (zero - value) / span


def paired_difference(losses: Array, reference: Array) -> tuple[float, float]:
    """Average the difference on the same seed, with half of Student's 95 % interval over the seeds.

    The agents of a contender are averaged first: what a seed does to all of them counts once.

    Parameters
    ----------
    losses, reference : (S, A) and (S, B)

    Examples
    --------
    Differences of −1 and −3, so ± 12.706 · 2 / 2:

    >>> mean, half_width = paired_difference(np.array([[1.0], [4.0]]), np.array([[2.0], [7.0]]))
    >>> mean, round(half_width, 3)
    (-2.0, 12.706)
    """
    difference = pd.Series(losses.mean(axis=-1) - reference.mean(axis=-1))
    return float(difference.mean()), float(interval95(difference))


def resample_seeds(
    n_seeds: int, rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> NDArray[np.int64]:
    """Draw (n_resamples, S) rows with replacement.

    Examples
    --------
    >>> resample_seeds(10, np.random.default_rng(0)).shape
    (2000, 10)
    """
    return rng.integers(n_seeds, size=(n_resamples, n_seeds))


def bootstrap_interval(resampled: Array) -> Interval:
    """Give the 2.5 % and 97.5 % percentiles of a statistic of all resamples.

    It speaks of the agents at hand on other seeds, not of other agents.

    Examples
    --------
    >>> losses = np.arange(4.0).reshape(4, 1)
    >>> rows = resample_seeds(4, np.random.default_rng(0))
    >>> bootstrap_interval(interquartile_mean(losses[rows]))
    (0.0, 3.0)
    """
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def _episodes(losses: Array) -> Array:
    """Lay the agents' episodes side by side."""
    return losses.reshape(*losses.shape[:-2], -1)
