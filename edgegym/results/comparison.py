"""What a comparison leaves in its run folder: tables, and pictures of loss and accuracy."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from edgegym.results.curves import plot_convergence
from edgegym.results.statistics import summarise
from edgegym.runs.files import write_figure, write_whole
from edgegym.systems.measure import Measure


def write_comparison(
    run_dir: Path,
    results: pd.DataFrame,
    rounds: pd.DataFrame,
    title: str,
    measures: Sequence[Measure],
) -> pd.DataFrame:
    """Write both tables and the pictures.

    Parameters
    ----------
    run_dir : the run folder
    results, rounds : one row per episode, and one per round
    title : of the pictures
    measures : the columns of the summary

    Returns
    -------
    One row per design: means, and half of their intervals
    """
    write_whole(run_dir / "results.csv", results.to_csv(index=False))
    write_whole(run_dir / "rounds.csv", rounds.to_csv(index=False))
    for x, file_name in (("delay_s", "loss-over-time.png"), ("energy_j", "loss-over-energy.png")):
        write_figure(run_dir / file_name, plot_convergence(rounds, x, title))
    if "validation_accuracy" in rounds:  # not in episodes of the first release
        picture = plot_convergence(rounds, "delay_s", title, y="validation_accuracy")
        write_figure(run_dir / "accuracy-over-time.png", picture)
    return summarise(results, measures)
