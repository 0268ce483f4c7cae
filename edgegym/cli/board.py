"""`edgegym evaluate --board`: agents, planners and benchmarks of every system in one table."""

from pathlib import Path
from typing import Any

import pandas as pd
import typer
from rich.table import Table

from edgegym.cli.agents import agent_contender
from edgegym.cli.leaderboard import as_markdown, write_ranking
from edgegym.cli.printing import print_json, print_table, progress_console
from edgegym.cli.runs import carry_out, new_run_dir
from edgegym.errors import InputError
from edgegym.results.numbers import number, with_ends, with_half_width
from edgegym.runs.board import Board, Task, begin, load_board, optimum
from edgegym.runs.entrants import enter
from edgegym.runs.files import write_whole
from edgegym.runs.manifest import FILE_NAME, AgentFile, load_manifest
from edgegym.runs.play import open_env

#: Options of `edgegym evaluate` that the board stands for.
FIXED = {"scenario", "system", "fidelity", "calibrated", "only", "grid", "changes"}


def evaluate_board(
    seeds: list[int],
    agents: dict[str, AgentFile],
    *,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Begin a board, or take up an old one, and play it."""
    run_dir = resume or out or new_run_dir("board", "all")
    board = load_board(run_dir) if resume else begin(run_dir, seeds, agents)
    play_board(board, run_dir, as_json, **where)


def require_for_board(context: typer.Context) -> None:
    """Refuse what the board itself says.

    Raises
    ------
    InputError
        If --board stands beside an option that says what is played.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in FIXED and source and source.name == "COMMANDLINE":
            option = parameter.opts[0]
            raise InputError(
                f"--board must stand without {option}, as the board says what is played; got both. "
                f"Leave {option} out, or --board."
            )


def play_board(board: Board, run_dir: Path, as_json: bool, **where: Any) -> None:
    """Play every task of the board, write board.csv and board.md, and print it.

    Parameters
    ----------
    board : as it was begun
    run_dir : its folder; every task has a run folder in it, as `edgegym evaluate` writes it
    as_json : whether one JSON object is printed
    where : how it is played, as `carry_out` takes it

    Raises
    ------
    InputError
        If one of the agents fits no task.
    """
    taking_part = _agents_of(board)
    table = pd.concat(
        [
            _play(task, board, taking_part[index], run_dir / f"{index}-{task.load().name}", where)
            for index, task in enumerate(board.tasks)
        ],
        ignore_index=True,
    )
    cells = pd.DataFrame([_cells(row) for row in table.to_dict(orient="records")])
    write_whole(run_dir / "board.csv", table.to_csv(index=False))
    write_whole(run_dir / "board.md", as_markdown(cells))
    if as_json:
        return print_json({"run": str(run_dir), "rows": table.to_dict(orient="records")})
    printed = Table(*cells)
    for row in cells.itertuples(index=False):
        printed.add_row(*row)
    print_table(printed)
    print(f"Written to {run_dir}: board.csv, board.md, and a folder for every task")


def _agents_of(board: Board) -> list[dict[str, AgentFile]]:
    """Tell which agents take part in each task: those shipped for it, and the user's that fit."""
    own: list[dict[str, AgentFile]] = [{} for _ in board.tasks]
    for label, file in board.agents.items():
        refusals = []
        for agents, task in zip(own, board.tasks, strict=True):
            if refusal := _refusal(file, task):
                refusals.append(refusal)
            else:
                agents[label] = file
        if len(refusals) == len(board.tasks):
            raise InputError(refusals[0])
        for refusal in refusals:
            progress_console.print(f"Left out: {refusal}")
    return [shipped_for(task) | agents for task, agents in zip(board.tasks, own, strict=True)]


def _refusal(file: AgentFile, task: Task) -> str:
    """Say why an agent cannot play a task; nothing where it can."""
    who = agent_contender(file)
    try:
        who.make_policy(open_env(task.load(), fidelity=task.fidelity, **who.arguments))
    except InputError as error:
        return str(error)
    return ""


def shipped_for(task: Task) -> dict[str, AgentFile]:
    """Find the agents that come with the package and were trained on a task's scenario."""
    from agents.saving import SHIPPED_PREFIX, agent_digest, read_card, shipped_agents

    paths = [Path(SHIPPED_PREFIX + name) for name in shipped_agents()]
    name = task.load().name
    return {
        str(path): AgentFile(path=str(path), digest=agent_digest(path))
        for path in paths
        if read_card(path).scenario["name"] == name
    }


def _play(
    task: Task, board: Board, agents: dict[str, AgentFile], run_dir: Path, where: dict[str, Any]
) -> pd.DataFrame:
    """Play one task, or finish it, and give its part of the board."""
    scenario = task.load()
    progress_console.print(f"{scenario.name}, fidelity {task.fidelity}")
    if (run_dir / FILE_NAME).exists():
        begun, plan = load_manifest(run_dir, "evaluate"), None
    else:
        begun, plan = enter(scenario, task.fidelity, board.seeds, agents)
    ranking = write_ranking(run_dir, *carry_out(begun, plan, run_dir, **where))
    best = optimum(scenario, task.fidelity)
    return ranking.board.assign(
        system=task.system,
        scenario=scenario.name,
        fidelity=task.fidelity,
        label=ranking.metric.label,
        reference=ranking.reference,
        gap=float("nan") if best is None else ranking.board["mean"] / best - 1,
    )


def _cells(row: dict[Any, Any]) -> dict[str, str]:
    return {
        "scenario": f"{row['scenario']}, {row['fidelity']}",
        "contender": str(row["contender"]),
        "by": str(row["label"]),
        "mean": with_half_width(row["mean"], row["mean_interval"], ".4f"),
        "interquartile mean": with_ends(row, "iqm", ".4f"),
        "better than the reference": with_ends(row, "improvement", ".2f"),
        "reference": str(row["reference"]),
        "above the optimum": number(row["gap"], "+.2%"),
        "violated": number(row["violated"], ".0%"),
    }
