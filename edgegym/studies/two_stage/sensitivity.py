"""Where planning both stages jointly is worth it, over every value that the paper leaves open."""

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.results.leads import FAILS, HOLDS
from edgegym.studies.study import Finding, Points, Study
from edgegym.studies.two_stage.open_values import ROUND_LIMITS, Range, open_values
from edgegym.studies.two_stage.sensitivity_pictures import plot_map, plot_trained, plot_values
from edgegym.studies.two_stage.tried import try_places
from edgegym.studies.two_stage.worth import WORTH_IT, plan_places
from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.scenario import Scenario

#: What the grid without round limits runs over.
GRID = (
    "server_flop_per_cycle",
    "device_flop_per_cycle",
    "pretrain_gradient_variance",
    "finetune_gradient_variance",
)


class Sizes(NamedTuple):
    """How much is looked at: draws for Sobol's indices, levels of grid and map, places trained."""

    draws: int = 1024
    grid: int = 6
    map: int = 25
    trained: int = 12


#: Of a quick look.
QUICK = Sizes(draws=4, grid=2, map=3, trained=2)


def settle(study: Study, points: Points, data_dir: str | None) -> Finding:
    """Plan over grids and draws, say what decides, and train what the draws call typical."""
    scenario, told = study.read_scenario(), study.options
    sizes, ranges = QUICK if told["quick"] else Sizes(), open_values(scenario)
    free = [key for key in ranges if key not in ROUND_LIMITS]
    planned = {
        "grid": plan_places(points, "grid", scenario, _grid(sizes.grid), limited=False),
        "unlimited": plan_places(
            points, "unlimited", scenario, _shares(free, _draws(len(free), sizes)), limited=False
        ),
    }
    planned["limited"], values = _decide(points, scenario, [*ranges], sizes)
    x, y = _axes(told["x"], told["y"], [k for k in values["value"] if ranges[k].spread != "either"])
    pairs = _pairs(*((key, 2 if ranges[key].spread == "either" else sizes.map) for key in (x, y)))
    mapped = plan_places(points, f"map-{x}-{y}", scenario, pairs, limited=True)
    n_tried = sizes.trained if told["seeds"] else 0
    trained = try_places(points, scenario, planned, n_tried, told["seeds"], data_dir)
    counts, title = _count(planned), f"Scenario {scenario.name}"
    bound = bound_name(scenario)
    tried = {"trained": plot_trained(trained, bound, title)} if n_tried else {}
    return Finding(
        {"values": values, "counts": counts, "map": mapped, "trained": trained}
        | {f"planned-{kind}": table for kind, table in planned.items()},
        {
            "values": plot_values(values, ranges, title),
            "map": plot_map(mapped, x, y, scenario, title),
            **tried,
        },
        "values",
        in_words(counts, values, ranges, trained, bound),
    )


def _grid(levels: int) -> list[dict[str, float]]:
    """List all places of a grid over `GRID`."""
    axis = np.linspace(0, 1, levels).tolist()
    return [dict(zip(GRID, row, strict=True)) for row in product(axis, repeat=len(GRID))]


def _axes(x: str | None, y: str | None, deciding: list[str]) -> tuple[str, str]:
    """Take what is asked for, else what decides most."""
    x = x or next(key for key in deciding if key != y)
    return x, y or next(key for key in deciding if key != x)


def _pairs(x: tuple[str, int], y: tuple[str, int]) -> list[dict[str, float]]:
    """List all places of a grid over two values of so many levels, row by row."""
    across, up = (np.linspace(0, 1, levels).tolist() for _, levels in (x, y))
    return [{x[0]: first, y[0]: second} for second, first in product(up, across)]


def _draws(n_columns: int, sizes: Sizes) -> Array:
    """Draw shares that fill the ranges evenly, in two parts of so many."""
    rng = keyed_generator(0, Stream.CALIBRATION)
    return np.asarray(stats.qmc.Sobol(n_columns, seed=rng).random(2 * sizes.draws))


def _shares(keys: list[str], rows: Array) -> list[dict[str, float]]:
    return [dict(zip(keys, row, strict=True)) for row in rows.tolist()]


def _decide(
    points: Points, scenario: Scenario, keys: list[str], sizes: Sizes
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plan at draws of all values, round limits among them, and say which of them decide.

    Sobol's indices compare two sets of draws, A and B, with A of which one value is B's. The total
    index of a value is the share of the gain's variance that is left where all others are known,
    the first-order index the share that goes where it alone is known.

    Returns
    -------
    The draws of A and B with their plans; and for every value its indices, the deciding ones
    first, and its rank correlation with the gain
    """
    n, n_keys = sizes.draws, len(keys)
    first, second = np.split(_draws(2 * n_keys, sizes)[:n], 2, axis=1)
    mixed = np.tile(first, (n_keys, 1, 1))
    for index in range(n_keys):
        mixed[index, :, index] = second[:, index]
    rows = np.concatenate([first, second, mixed.reshape(-1, n_keys)])
    table = plan_places(points, "limited", scenario, _shares(keys, rows), limited=True)
    gain = table["gain"].to_numpy()
    drawn = table[: 2 * n]
    given = {
        "f_A": gain[np.newaxis, :n],
        "f_B": gain[np.newaxis, n : 2 * n],
        "f_AB": gain[2 * n :].reshape(n_keys, 1, n),
    }
    found = stats.sobol_indices(func=given, n=n)
    values = pd.DataFrame(
        {
            "value": keys,
            "total": np.ravel(found.total_order),
            "first_order": np.ravel(found.first_order),
            "rank_correlation": drawn[keys].corrwith(drawn["gain"], method="spearman").to_numpy(),
        }
    )
    return drawn, values.sort_values("total", ascending=False, ignore_index=True)


def _count(planned: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count where the joint design is worth it, and by how much it is better."""
    limited = planned["limited"]
    parts = {
        "grid, no limit": planned["grid"],
        "draws, no limit": planned["unlimited"],
        "draws with limits": limited,
        "those at a limit": limited[limited["at_a_limit"]],
        "those at none": limited[~limited["at_a_limit"]],
    }
    return pd.DataFrame(
        {
            "places": name,
            "n": len(table),
            "worth_it": int((table["gain"] > WORTH_IT).sum()),
            "median_gain": table["gain"].median(),
            "largest_gain": table["gain"].max(),
            "certified": int(table["certified"].sum()),
        }
        for name, table in parts.items()
    )


def in_words(
    counts: pd.DataFrame,
    values: pd.DataFrame,
    ranges: Mapping[str, Range],
    trained: pd.DataFrame,
    bound: str,
) -> str:
    """Say where the paper is right, where not, what decides, and whether real training agrees."""
    at, none, free, grid = (
        counts[counts["places"] == name].to_dict("records")[0]
        for name in ("those at a limit", "those at none", "draws, no limit", "grid, no limit")
    )
    deciding = [
        f"{ranges[key].letter} ({total:.2f})"
        for key, total in zip(values["value"][:3], values["total"], strict=False)
    ]
    at_most = max(free["largest_gain"], grid["largest_gain"])
    return (
        f"Where a round limit binds, the joint design's bound is more than "
        f"{WORTH_IT:.0%} below the better single stage's in {at['worth_it']} of {at['n']} draws, "
        f"by {at['median_gain']:.1%} in the median and {at['largest_gain']:.1%} at most; where "
        f"none binds it is in {none['worth_it']} of {none['n']}, and without limits in "
        f"{free['worth_it']} of {free['n']} draws and {grid['worth_it']} of {grid['n']} places of "
        f"a grid, by {at_most:.1%} at most. What decides, by Sobol's total index, is "
        f"{', '.join(deciding)}. {_trained_in_words(trained, bound)}"
    )


def _trained_in_words(trained: pd.DataFrame, bound: str) -> str:
    if trained.empty:
        return "Nothing was trained."
    worth_it = trained["gain"] > WORTH_IT
    parts = []
    for rows, says in ((trained[worth_it], "worth it"), (trained[~worth_it], "not worth it")):
        on_average, settled, behind = (
            int(holds.sum())
            for holds in (rows["ahead"] > 0, rows["verdict"] == HOLDS, rows["verdict"] == FAILS)
        )
        parts.append(
            f"of {len(rows)} places that the {bound} calls {says} it ends below the better single "
            f"stage's test loss in {on_average} on average, beyond the seeds in {settled}, and "
            f"above in {behind}"
        )
    return f"In real training, {'; '.join(parts)}."
