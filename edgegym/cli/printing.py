"""What the commands print: JSON for programs, tables for people, and words as they are."""

import json
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.status import Status
from rich.table import Table
from rich.text import Text

from edgegym.results.numbers import number

#: Characters in a line where no terminal limits it, as in a pipe or a file.
WIDTH = 120


class PlainConsole(Console):
    """A console that shows every text as it is: brackets are no markup, `:smile:` is no picture.

    Examples
    --------
    >>> PlainConsole().print("pip install edgegym[agents]  # [/b] :smile:")
    pip install edgegym[agents]  # [/b] :smile:
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def status(self, status: RenderableType, **options: Any) -> Status:
        """Show what is being done; a spinner reads markup whatever its console says."""
        return super().status(Text(status) if isinstance(status, str) else status, **options)


#: For people; standard output is kept for results.
progress_console = PlainConsole(stderr=True)


def print_json(data: Any) -> None:
    """Print one JSON object; numbers that JSON has no word for become null."""
    print(json.dumps(json.loads(json.dumps(data), parse_constant=lambda _: None), indent=2))


def print_lines(figures: dict[str, Any], form: str = ".5g", caption: str | None = None) -> None:
    """Print one figure a line, after its name."""
    table = Table(show_header=False, caption=caption)
    for key, value in figures.items():
        table.add_row(key, number(value, form))
    print_table(table)


def print_rows(
    rows: list[dict[str, Any]], as_json: bool, about: dict[str, Any] | None = None
) -> None:
    """Print rows as a table, or a single row as lines; what they have in common below."""
    about = about or {}
    if as_json:
        return print_json(about | {"rows": rows})
    caption = (
        ", ".join(f"{key.replace('_', ' ')} {number(value)}" for key, value in about.items())
        or None
    )
    if len(rows) == 1:
        return print_lines(rows[0], caption=caption)
    headings = (key.replace("_", " ") for key in rows[0])  # which wrap at spaces
    table = Table(*headings, caption=caption)
    for row in rows:
        table.add_row(*map(number, row.values()))
    print_table(table)


def print_table(table: Table) -> None:
    """Print a table; cells that are too wide for a terminal go on in its next line, uncut."""
    table.box, table.show_edge, table.padding = box.SIMPLE_HEAD, False, (0, 1, 0, 0)
    for column in table.columns:
        column.overflow = "fold"
    console = PlainConsole()
    if not console.is_terminal:
        console = PlainConsole(width=max(console.width, WIDTH))
    console.print(table, "")
