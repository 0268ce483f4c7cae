"""What the commands below `edgegym study` share: a folder, its points, a table and a verdict."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgegym.cli.printing import print_json, print_rows
from edgegym.cli.progress import counting
from edgegym.cli.runs import new_run_dir, require_alone

if TYPE_CHECKING:
    from edgegym.studies.study import Settle


def carry_out(
    context: typer.Context,
    settle: "Settle",
    read: Callable[[], Any],
    options: dict[str, Any],
    *,
    out: Path | None,
    resume: Path | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Begin a study or take up an old one, compute what is missing, and say what was found.

    Parameters
    ----------
    context : of the command, whose name is the study's
    settle : what the study does
    read : reads the scenario of a new one
    options : what else a new one is told, plain data
    out, resume : its folder
    jobs : processes
    as_json : whether one JSON object is printed
    """
    from edgegym.studies.study import begin, load_study
    from edgegym.studies.study import carry_out as carry_out_study

    require_alone(resume, context)
    name = str(context.command.name)
    if resume:
        study, run_dir = load_study(name, resume), resume
    else:
        scenario = read()
        run_dir = out or new_run_dir(name, scenario.name)
        study = begin(name, sys.argv, scenario, options, run_dir)
    finding = carry_out_study(study, settle, run_dir, jobs=jobs, counting=counting)
    rows = [
        {str(key): value for key, value in row.items()}
        for row in finding.tables[finding.shown].to_dict(orient="records")
    ]
    if as_json:
        return print_json({"run": str(run_dir), "rows": rows, "verdict": finding.verdict})
    print_rows(rows, as_json=False)
    print(finding.verdict)
    files = *finding.tables, *finding.pictures, *finding.texts
    print(f"Written to {run_dir}: {', '.join(files)}")
