"""What the commands print on standard output: JSON for programs, tables for people."""

import json
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

#: Characters in a line where no terminal limits it, as in a pipe or a file.
WIDTH = 120


def print_json(data: Any) -> None:
    """Print one JSON object; numbers that JSON has no word for become null."""
    print(json.dumps(json.loads(json.dumps(data), parse_constant=lambda _: None), indent=2))


def print_rows(
    rows: list[dict[str, Any]], as_json: bool, about: dict[str, Any] | None = None
) -> None:
    """Print rows as a table, or a single row as lines; what they have in common below."""
    about = about or {}
    if as_json:
        return print_json(about | {"rows": rows})
    shown = [list(map(_cell, row.values())) for row in rows]
    caption = (
        ", ".join(f"{key.replace('_', ' ')} {_cell(value)}" for key, value in about.items()) or None
    )
    if len(rows) == 1:
        table = Table(show_header=False, caption=caption)
        for key, cell in zip(rows[0], shown[0], strict=True):
            table.add_row(key, cell)
    else:
        headings = (key.replace("_", " ") for key in rows[0])  # which wrap at spaces
        table = Table(*headings, caption=caption)
        for cells in shown:
            table.add_row(*cells)
    print_table(table)


def print_table(table: Table) -> None:
    """Print a table; cells that are too wide for a terminal go on in its next line, uncut."""
    table.box, table.show_edge, table.padding = box.SIMPLE_HEAD, False, (0, 1, 0, 0)
    for column in table.columns:
        column.overflow = "fold"
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, WIDTH))
    console.print(table, "")


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
