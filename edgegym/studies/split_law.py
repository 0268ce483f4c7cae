"""The law of accuracy over layers, ranks and rounds, as a study of the split has measured it."""

import numpy as np
import pandas as pd

from edgegym.results.statistics import interval95
from edgegym.systems.split.law import MEASURED_WITH, AccuracyLaw, Cell
from edgegym.systems.split.scenario import SplitScenario


def fit_law(
    scenario: SplitScenario, looks: pd.DataFrame, middle: tuple[int, int], n_seeds: int
) -> AccuracyLaw:
    """Put the measured accuracies together as the law that planners read."""
    task = scenario.learning
    assert task is not None
    planned = looks[(looks["batch_size"] == scenario.batch_size) & ~looks["keep_residual"]]
    cells = []
    for layer, rank in scenario.splits():
        rows = planned[(planned["layer"] == layer) & (planned["rank"] == rank)]
        by_round = rows.groupby("rounds")["accuracy"]
        cells.append(
            Cell(
                layer=layer,
                rank=rank,
                accuracy=by_round.mean().round(4).tolist(),
                half_width=[round(half_width(v), 4) for _, v in by_round],
            )
        )
    others = looks[(looks["layer"] == middle[0]) & (looks["rank"] == middle[1])]
    others = others[~others["keep_residual"]]
    return AccuracyLaw(
        scenario=scenario.name,
        n_seeds=n_seeds,
        learning=task,
        measured_with={key: getattr(scenario, key) for key in MEASURED_WITH},
        rounds=sorted(int(n) for n in planned["rounds"].unique()),
        start_accuracy=round(float(planned["start_accuracy"].mean()), 4),
        batch_exponent=fit_exponent(others, scenario.batch_size),
        cells=cells,
    )


def fit_exponent(looks: pd.DataFrame, planned: int) -> float:
    """Find p with which rounds of B samples, counted as (B / B_0)^p, lie on the curve of B_0.

    Examples
    --------
    >>> looks = pd.DataFrame([(b, n, min(n * b**0.5, 20) / 20) for b in (1, 4) for n in range(20)],
    ...                      columns=["batch_size", "rounds", "accuracy"])
    >>> fit_exponent(looks, 1)
    0.5
    """
    curves = looks.groupby(["batch_size", "rounds"])["accuracy"].mean()
    known = np.maximum.accumulate(curves[planned].to_numpy())
    rounds = curves[planned].index.to_numpy()
    others = [size for size in curves.index.get_level_values(0).unique() if size != planned]

    def misfit(exponent: float) -> float:
        lost = 0.0
        for size in others:
            worth = curves[size].index.to_numpy() * (size / planned) ** exponent
            inside = worth <= rounds[-1]
            expected = np.interp(worth[inside], rounds, known)
            found = np.maximum.accumulate(curves[size].to_numpy())[inside]
            lost += float(np.mean((expected - found) ** 2))
        return lost

    exponents = np.linspace(0, 1, 101).round(2)
    return float(min(exponents, key=misfit))


def half_width(values: pd.Series) -> float:
    """Give half the 95 % interval of a mean; 0 of a single value, which has none."""
    return float(np.nan_to_num(interval95(values)))
