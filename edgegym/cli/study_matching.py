"""`edgegym study matching`: what planning matching and bandwidth jointly is worth."""

from functools import partial
from typing import Annotated

import typer

from edgegym.cli.options import AsJson, Changes, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import Out, Resume
from edgegym.cli.studying import carry_out


def matching(
    context: typer.Context,
    scenario: ScenarioName = None,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Systems.")] = 1000,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what planning matching and bandwidth jointly saves, in systems drawn at random.

    Writes latencies.csv, summary.csv and a picture, and says against whom 40 % are saved.
    """
    from edgegym.studies.cooperative_matching import settle

    del seed  # every command takes one; the systems are those of draws 0, 1, ...
    carry_out(
        context,
        settle,
        partial(read_scenario, scenario, changes, "cooperative"),
        {"draws": draws},
        out=out,
        resume=resume,
        jobs=1,
        as_json=as_json,
    )
