"""The ranking of `edgegym evaluate`: on the screen, as Markdown, as tables and pictures."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.table import Column, Table

from edgegym.cli.agents import agent_contender
from edgegym.cli.printing import print_json, print_table
from edgegym.cli.runs import print_remarks
from edgegym.results.measures import Metric, metric_of
from edgegym.results.numbers import number, with_ends, with_half_width
from edgegym.results.ranking import average_agents, headings, rank
from edgegym.runs.files import write_figure, write_whole
from edgegym.runs.manifest import Manifest
from edgegym.runs.players import RANDOM, find_contenders


def as_cells(board: pd.DataFrame, metric: Metric, reference: str) -> pd.DataFrame:
    """Write every figure of a ranking as people read it, a row per contender."""
    rows = [_cells(row, metric, reference) for row in board.to_dict(orient="records")]
    return pd.DataFrame(rows)


def _cells(row: dict[Hashable, Any], metric: Metric, reference: str) -> dict[str, str]:
    copies = f" ×{row['n_agents']}" if row["n_agents"] > 1 else ""
    violated = f"{number(row['violated'], '.0%')}, cost {number(row['cost'], '.2g')}"
    heading = headings(metric, reference)
    return {
        "contender": f"{row['contender']}{copies}",
        heading["mean"]: with_half_width(row["mean"], row["mean_interval"], ".4f"),
        "interquartile mean": with_ends(row, "iqm", ".4f"),
        **({"accuracy": number(row["accuracy"], ".3f")} if metric.accuracy else {}),
        heading["score"]: with_ends(row, "score", ".3f"),
        heading["improvement"]: with_ends(row, "improvement", ".2f"),
        heading["difference"]: with_half_width(
            row["difference"], row["difference_interval"], "+.4f"
        ),
        "delay s": number(row["total_delay_s"], ".1f"),
        "energy J": number(row["total_energy_j"], ".2f"),
        "violated": violated if row["cost"] else "no",
    }


def as_tables(cells: pd.DataFrame, title: str) -> list[Table]:
    """Lay the ranking out in two tables of a hundred columns; the first row stands in bold."""
    names = [str(column) for column in cells]
    second = names[names.index("violated") - 4 :]
    tables = []
    for columns, heading in ((names[: -len(second)], title), (["contender", *second], None)):
        table = Table(*(Column(str(name), no_wrap=name == "contender") for name in columns))
        table.title = heading
        for index, row in enumerate(cells[columns].itertuples(index=False)):
            table.add_row(*row, style="" if index else "bold")
        tables.append(table)
    return tables


def as_markdown(cells: pd.DataFrame) -> str:
    """Write the ranking as one Markdown table.

    Examples
    --------
    >>> print(as_markdown(pd.DataFrame({"contender": ["sca"], "accuracy": ["0.902"]})), end="")
    | contender | accuracy |
    |---|---|
    | sca | 0.902 |
    """
    rows = [list(cells.columns), *cells.to_numpy().tolist()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * cells.shape[1], *lines[1:], ""])


class Ranking(NamedTuple):
    """Contenders in their order, by what, and what the table is called."""

    board: pd.DataFrame
    metric: Metric
    reference: str
    title: str


def write_ranking(
    run_dir: Path, manifest: Manifest, results: pd.DataFrame, rounds: pd.DataFrame
) -> Ranking:
    """Rank the contenders, and write tables and pictures into the run folder."""
    from edgegym.results.score_curves import plot_scores

    system, scenario = manifest.find_system(), manifest.scenario["name"]
    metric = metric_of(manifest.fidelity, system, manifest.read_scenario())
    names = {design: who.name for design, who in find_contenders(manifest, agent_contender).items()}
    results.insert(0, "contender", results["design"].map(names))
    board = rank(results, metric, np.random.default_rng(manifest.seeds), system)
    title = (
        f"Scenario {scenario} at fidelity {manifest.fidelity}, {len(manifest.seeds)} seeds, "
        "95 % intervals"
    )
    write_whole(run_dir / "results.csv", results.to_csv(index=False))
    write_whole(run_dir / "rounds.csv", rounds.to_csv(index=False))
    write_whole(run_dir / "summary.csv", board.to_csv(index=False))
    cells = as_cells(board, metric, system.reference)
    write_whole(run_dir / "summary.md", as_markdown(cells))
    agents = {names[label] for label in manifest.agents}
    rounds["contender"] = rounds["design"].map(names)
    picture = plot_scores(board, metric.label, title, system.reference, agents)
    write_figure(run_dir / "scores.png", picture)
    _draw(run_dir, board, rounds, metric, title)
    return Ranking(board, metric, system.reference, title)


def report(
    run_dir: Path, manifest: Manifest, results: pd.DataFrame, rounds: pd.DataFrame, as_json: bool
) -> None:
    """Rank the contenders, write tables and pictures into the run folder, and print."""
    board, metric, reference, title = write_ranking(run_dir, manifest, results, rounds)
    if as_json:
        head = {"scenario": manifest.scenario["name"], "fidelity": manifest.fidelity}
        return print_json(head | {"run": str(run_dir), "rows": board.to_dict(orient="records")})
    for table in as_tables(as_cells(board, metric, reference), title):
        print_table(table)
    print("± and [ ] are intervals over the seeds, which all contenders share.")
    for row in board[board["n_agents"] > 1].itertuples():
        print(
            f"{row.contender}: intervals are of these {row.n_agents} agents, whose mean "
            f"{metric.label} runs from {number(row.best_agent, '.4f')} to "
            f"{number(row.worst_agent, '.4f')}."
        )
    print_remarks(manifest, results, "count as untrained")
    print(f"Written to {run_dir}: results, rounds and summary, manifest.json and pictures")


def _draw(
    run_dir: Path,
    board: pd.DataFrame,
    rounds: pd.DataFrame,
    metric: Metric,
    title: str,
) -> None:
    """Draw the loss over time, where something is trained."""
    from edgegym.results.curves import plot_convergence

    order = [name for name in board["contender"] if name != RANDOM]
    courses = average_agents(rounds, order)
    if metric.accuracy is not None and not courses.empty:
        write_figure(run_dir / "loss-over-time.png", plot_convergence(courses, "delay_s", title))
