"""`edgegym study split`: what a split costs in accuracy, and the law that planners use."""

from functools import partial
from typing import Annotated

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, Seeds
from edgegym.cli.studying import carry_out


def split(
    context: typer.Context,
    scenario: ScenarioName = None,
    seeds: Seeds = 3,
    residual: Annotated[
        bool, typer.Option("--residual", help="Keep the residual at each layer as well.")
    ] = False,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure the accuracy of every split that a scenario lets choose, with real training.

    Writes looks.csv, summary.csv, a picture, and law.json, which a scenario names as its
    accuracy_law; says at which layers and ranks little is lost.
    """
    from edgegym.studies.split import settle

    del seed  # every command takes one; the runs are those of seeds 0, 1, ...
    carry_out(
        context,
        partial(settle, data_dir=data_dir),
        partial(read_scenario, scenario, changes, "split"),
        {"seeds": seeds, "residual": residual},
        out=out,
        resume=resume,
        jobs=jobs,
        as_json=as_json,
    )
