"""Write the tables of all READMEs from the results in this folder.

A README shows the table NAME between `<!-- table: NAME -->` and `<!-- end -->`. NAME.csv holds its
figures; NAME.json says what they are from and, under "columns", how each cell is written.
"""

import csv
import json
import re
import sys
from pathlib import Path

RESULTS = Path(__file__).parent
ROOT = RESULTS.parents[1]
TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def find_readmes() -> list[Path]:
    """List the README of every folder that has one."""
    folders = (ROOT / name for name in ("edgegym", "baselines", "agents", "examples"))
    return [ROOT / "README.md", *(p for f in folders for p in sorted(f.rglob("README.md")))]


def render(text: str, results: Path = RESULTS) -> str:
    """Write every table between its markers anew, and leave the rest as it is."""
    return TABLE.sub(lambda found: found[1] + render_table(found[2], results) + found[3], text)


def render_table(name: str, results: Path = RESULTS) -> str:
    """Write NAME.csv as Markdown, in the columns of NAME.json.

    Raises
    ------
    SystemExit
        If one of the files is missing, or a column asks for what the CSV does not hold.
    """
    try:
        columns = json.loads((results / f"{name}.json").read_text("utf-8"))["columns"]
        with (results / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [{key: parse(cell) for key, cell in row.items()} for row in csv.DictReader(file)]
        cells = [[form.format_map(row) for form in columns.values()] for row in rows]
    except FileNotFoundError as error:
        sys.exit(f"Table {name} needs a CSV and a JSON file; there is no {error.filename}.")
    except (KeyError, ValueError) as error:
        sys.exit(f"{name}.json must fit {name}.csv; {type(error).__name__}: {error}.")
    lines = [list(columns), *cells]
    head, *body = (f"| {' | '.join(line)} |\n" for line in lines)
    return "".join([head, "|" + "---|" * len(columns) + "\n", *body])


def parse(cell: str) -> int | float | str:
    """Read a number where there is one."""
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


if __name__ == "__main__":
    for path in find_readmes():
        before = path.read_text("utf-8")
        if (after := render(before)) != before:
            path.write_text(after, "utf-8", newline="\n")
            print(f"wrote {path.relative_to(ROOT)}")
