"""`edgegym study shift`: what to do as the task's data lie further from the general ones."""

from functools import partial

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Quick, Resume, Seeds
from edgegym.cli.studying import carry_out


def shift(
    context: typer.Context,
    scenario: ScenarioName = None,
    seeds: Seeds = 3,
    quick: Quick = False,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Move the task's data away from the general ones, and say where Fig. 6's trend holds.

    The task's images are turned, or the server lacks labels: what the distance W is by measurement,
    what the joint plan does, and which split of the budgets is best in real training. Writes
    plans.csv, trained.csv, summary.csv and a picture.
    """
    from edgegym.studies.two_stage.shift import settle

    del seed  # every command takes one; trainings are those of seeds 0, 1, ...
    carry_out(
        context,
        partial(settle, data_dir=data_dir),
        partial(read_scenario, scenario, changes, "two-stage"),
        {"seeds": seeds, "quick": quick},
        out=out,
        resume=resume,
        jobs=jobs,
        as_json=as_json,
    )
