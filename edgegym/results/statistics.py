"""From episodes to a table: means and 95 % intervals over seeds."""

import numpy as np
import pandas as pd
from scipy import stats

#: The figures that training makes uncertain, and those that a plan fixes.
UNCERTAIN = ("train_loss", "test_loss", "test_accuracy")
FIXED = (
    "total_delay_s",
    "total_energy_j",
    "gradient_norm_bound",
    "n_pretrain_rounds",
    "n_finetune_rounds",
)


def interval95(values: pd.Series) -> float:
    """Half the width of Student's 95 % interval of a mean; not a number for a single value.

    Examples
    --------
    Two values a and b: 12.706 · |a − b| / 2

    >>> round(interval95(pd.Series([1.0, 3.0])), 3)
    12.706
    """
    known = values.dropna()
    if len(known) < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, len(known) - 1) * stats.sem(known))


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Reduce one row per (design, seed) to one row per design, in the order they came.

    Returns
    -------
    Columns: the means under their names, `<name>_interval` beside the uncertain ones, `n_seeds`
    """
    # Where every run diverged there are no final figures at all, only their absence.
    columns = ["design", "seed", *UNCERTAIN, *FIXED]
    known = results.reindex(columns=columns).astype(dict.fromkeys(UNCERTAIN, float))
    groups = known.groupby("design", sort=False)
    table = groups[[*UNCERTAIN, *FIXED]].mean()
    for column in UNCERTAIN:
        table[f"{column}_interval"] = groups[column].agg(interval95)
    table["n_seeds"] = groups["seed"].count()
    return table.replace({np.nan: None}).reset_index()
