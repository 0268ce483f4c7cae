"""What the commands below `edgegym study` share: options, a folder, a table and a verdict."""

import sys
from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.printing import print_json, print_rows
from edgegym.cli.progress import counting
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, new_run_dir, require_alone
from edgegym.systems.system import imported

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


def study_of(
    system: str, settle: str, check: Callable[..., None] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function that says what a study alone is asked, and what it finds out.

    Parameters
    ----------
    system : whose scenarios it is of
    settle : "module:function", of study, points and data folder
    check : refuses what a study cannot be told, of the scenario and the study's own options

    Returns
    -------
    A decorator; the command has the function's options, those of all studies, and its docstring
    """

    def decorate(asked: Callable[..., None]) -> Callable[..., None]:
        def command(
            context: typer.Context,
            scenario: ScenarioName = None,
            jobs: Jobs = N_CORES,
            out: Out = None,
            resume: Resume = None,
            data_dir: DataDir = None,
            changes: Changes = None,
            seed: Seed = 0,
            as_json: AsJson = False,
            **options: Any,
        ) -> None:
            del seed  # every command takes one; what a study draws is of seeds 0, 1, ...

            def read() -> Any:
                new = read_scenario(scenario, changes, system)
                if check:
                    check(new, **options)
                return new

            carry_out(
                context,
                partial(imported(settle), data_dir=data_dir),
                read,
                options,
                out=out,
                resume=resume,
                jobs=jobs,
                as_json=as_json,
            )

        # The study's own options stand behind --scenario, and in the place of **options.
        first, second, *rest, _ = signature(command).parameters.values()
        own = signature(asked).parameters.values()
        parameters = [
            one.replace(kind=Parameter.KEYWORD_ONLY) for one in (first, second, *own, *rest)
        ]
        command.__signature__ = signature(command).replace(  # type: ignore[attr-defined]
            parameters=parameters
        )
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.__name__, command.__doc__ = asked.__name__, asked.__doc__
        return command

    return decorate
