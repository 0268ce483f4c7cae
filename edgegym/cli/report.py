"""`edgegym report RUN`: a run folder as one HTML page, to be read without network."""

from pathlib import Path
from typing import Annotated

import typer

from edgegym.cli.options import AsJson
from edgegym.cli.printing import print_json


def report(
    run: Annotated[
        Path,
        typer.Argument(help="A folder of compare, evaluate, figure, train or calibrate."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page; else RUN/report.html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's tables, pictures, scenario with sources and commands into one HTML page.

    The page loads nothing, needs no network and no script, and prints well. The same folder gives
    the same page.
    """
    from edgegym.report.folder import report as report_folder
    from edgegym.runs.files import write_whole

    text, path = report_folder(run), out or run / "report.html"
    write_whole(path, text)
    if as_json:
        return print_json({"run": str(run), "report": str(path), "bytes": len(text.encode())})
    print(f"Written to {path}: {len(text.encode()) / 1e6:.1f} MB, to be opened in any browser")
