"""From episodes to a table: means and 95 % intervals over seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from edgegym.systems.measure import Measure


def interval95(values: Any) -> Any:
    """Half the width of Student's 95 % interval of a mean; not a number for a single value.

    Parameters
    ----------
    values : a series, or series or tables in groups; what is missing does not count

    Returns
    -------
    A number, or what pandas gives of groups

    Examples
    --------
    Two values a and b: 12.706 · |a − b| / 2

    >>> float(interval95(pd.Series([1.0, 3.0])).round(3))
    12.706
    >>> interval95(pd.Series([1.0, 3.0, 0.0, 4.0]).groupby([0, 0, 1, 1])).round(3).tolist()
    [12.706, 25.412]
    """
    return stats.t.ppf(0.975, values.count() - 1) * values.sem()


def summarise(results: pd.DataFrame, measures: Sequence[Measure]) -> pd.DataFrame:
    """Reduce one row per (design, seed) to one row per design, in the order they came.

    Parameters
    ----------
    results : one row per episode
    measures : of which figures

    Returns
    -------
    Columns: the means under their names, `<name>_interval` beside the uncertain ones, `n_seeds`
    """
    names = [measure.name for measure in measures]
    uncertain = [measure.name for measure in measures if measure.varies]
    # Where every run diverged there are no final figures at all, only their absence.
    known = results.reindex(columns=["design", "seed", *names])
    groups = known.astype(dict.fromkeys(uncertain, float)).groupby("design", sort=False)
    table = groups[names].mean()
    for column in uncertain:
        table[f"{column}_interval"] = interval95(groups[column])
    table["n_seeds"] = groups["seed"].count()
    return table.replace({np.nan: None}).reset_index()
