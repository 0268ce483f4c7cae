"""The first table of a run's page: means with 95 % intervals of everyone who was compared."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from edgegym.report.tables import Table, lay_out, number, read_table
from edgegym.results.measures import measures_of, metric_of
from edgegym.results.ranking import headings
from edgegym.results.statistics import summarise
from edgegym.runs.manifest import Manifest
from edgegym.scenario.base import BaseScenario
from edgegym.studies.two_stage.sweep import SWEPT
from edgegym.systems.measure import Measure

STUDENT = "± is half of Student's 95 % interval over the seeds. "
#: Formats of the columns whose headings depend on what was run.
FORMS = {"mean": ".4f", "score": ".3f", "improvement": ".2f", "difference": "+.4f"}
#: What a ranking's page leaves out, as it is told elsewhere.
NOT_SHOWN = ["metric", "n_agents", "cost", "best_agent", "worst_agent"]


def summary_table(run_dir: Path, manifest: Manifest, results: pd.DataFrame, again: str) -> Table:
    """Choose the summary of a run by the command that made it.

    Parameters
    ----------
    run_dir, manifest : the folder, and what it says of the run
    results : one row per episode, of Fig. 6 one per plan
    again : the command that writes the tables anew
    """
    if not manifest.is_played:
        points = read_table(run_dir / "figure-6.csv", ["distribution_distance"], again)
        return lay_out(points, "Means over the channels", note="± is half of the 95 % interval.")
    system, scenario = manifest.find_system(), manifest.read_scenario()
    n_seeds = len(manifest.seeds)
    seeds = f"{n_seeds} seeds, which all share" if n_seeds > 1 else "one seed, so no interval"
    caption = f"Means over {seeds}"
    if manifest.job == "evaluate":
        needed = ["mean", "n_agents", "best_agent", "worst_agent", "violated"]
        board = read_table(run_dir / "summary.csv", needed, again)
        metric = metric_of(manifest.fidelity, system, scenario)
        return _ranking(board, headings(metric, system.reference), caption, scenario)
    return _means(results, measures_of(system), caption, scenario)


def _ranking(
    board: pd.DataFrame, names: dict[str, str], caption: str, scenario: BaseScenario
) -> Table:
    """Lay out what `edgegym evaluate` ranked, the best contender first."""
    # No interval over seeds tells how far the agents of one contender are apart.
    agents = "".join(
        f"{row.contender}: intervals are of these {row.n_agents} agents, whose mean "
        f"{names['mean']} runs from {number(row.best_agent, '.4f')} "
        f"to {number(row.worst_agent, '.4f')}. "
        for row in board[board["n_agents"] > 1].itertuples()
    )
    ends = ("", "_interval", "_low", "_high")
    columns = {f"{key}{end}": f"{name}{end}" for key, name in names.items() for end in ends}
    known = board.drop(columns=NOT_SHOWN, errors="ignore").dropna(axis="columns", how="all")
    note = f"{STUDENT}[ ] holds the ends of a bootstrap interval. {agents}The best is in bold."
    forms = {names[key]: form for key, form in FORMS.items()}
    return lay_out(known.rename(columns=columns), caption, forms, scenario, note=note, best=[0])


def _means(
    results: pd.DataFrame, measures: Sequence[Measure], caption: str, scenario: BaseScenario
) -> Table:
    """Average the episodes of every design, or of every scheme at every budget."""
    swept = next((key for key in SWEPT.values() if key in results), None)
    who = "scheme" if "scheme" in results else "design"
    keys = [who] if swept is None else [who, swept]
    rows = results[keys].drop_duplicates(ignore_index=True)
    labels = results[keys].astype(str).agg(" ".join, axis="columns")
    means = summarise(results.assign(design=labels), measures)
    means = means.drop(columns=["design", "n_seeds"])
    losses = means["test_loss"].astype(float)
    lowest = losses.min() if swept is None else losses.groupby(rows[swept]).transform("min")
    note = f"{STUDENT}The lowest test loss{' at each budget' * (swept is not None)} is in bold."
    best = np.flatnonzero(losses == lowest).tolist()
    return lay_out(rows.join(means), caption, scenario=scenario, note=note, best=best)
