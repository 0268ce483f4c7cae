"""Run ``python -m edgegym.bench gpu``: measure everything about a GPU, and write one table."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from edgegym.bench.gpu import Row, gpu_rows
from edgegym.errors import InputError
from edgegym.runs.files import write_whole

HEADING = "| what | measured | asked | holds |\n|---|---|---|---|"


def main(arguments: list[str] | None = None) -> None:
    """Print a Markdown table, a row as soon as it is measured, and write it to a file if asked."""
    parser = ArgumentParser("python -m edgegym.bench", description=__doc__)
    parser.add_argument("what", choices=["gpu"], help="what is measured; takes some minutes")
    parser.add_argument("--device", default="cuda", help="cuda or cuda:N")
    parser.add_argument("--out", type=Path, help="file for the table, written row by row")
    given = parser.parse_args(arguments)
    lines: list[str] = []
    try:
        for row in gpu_rows(given.device, lambda what: print(what, file=sys.stderr)):
            new = [line(row)] if lines else [HEADING, line(row)]
            print(*new, sep="\n", flush=True)
            lines += new
            if given.out:
                write_whole(given.out, "\n".join(lines) + "\n")
    except InputError as error:
        print(f"edgegym: {error}", file=sys.stderr)
        sys.exit(2)


def line(row: Row) -> str:
    """Write a row of a Markdown table.

    Examples
    --------
    >>> line(Row("the host's waits", "1", "1", True))
    "| the host's waits | 1 | 1 | yes |"
    """
    holds = {True: "yes", False: "no", None: ""}[row.holds]
    return f"| {row.what} | {row.measured} | {row.asked} | {holds} |"


if __name__ == "__main__":
    main()
