"""`edgegym study bound`: both sides of (34) along real training."""

from functools import partial

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Quick, Resume, Seeds
from edgegym.cli.studying import carry_out


def bound(
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
    """Hold both sides of (34) against each other along the real training of the exact joint plan.

    Its constants are the largest measured on the same runs. Writes sides.csv, by stage, with the
    parts of the right side and its slack; limit.csv, as rounds of fine-tuning are added after the
    plan's; variance.csv, of a fine-tuning round at one model, beside what (34) charges for it; and
    a picture.
    """
    from edgegym.studies.two_stage.bound_study import settle

    del seed  # every command takes one; the runs are those of seeds 0, 1, ...
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
