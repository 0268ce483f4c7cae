"""`edgegym study drift`: whether blocks trained by different devices pull the model apart."""

from functools import partial

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, Seeds
from edgegym.cli.studying import carry_out


def drift(
    context: typer.Context,
    scenario: ScenarioName = None,
    seeds: Seeds = 3,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train blocks on different devices, and see whether their data pull the model apart.

    With a fixed matching, one that rotates, data that are alike, and all blocks on one device.
    Writes accuracies.csv, summary.csv and a picture.
    """
    from edgegym.studies.cooperative import settle

    del seed  # every command takes one; these are 0, 1, ...
    carry_out(
        context,
        partial(settle, data_dir=data_dir),
        partial(read_scenario, scenario, changes, "cooperative"),
        {"seeds": seeds},
        out=out,
        resume=resume,
        jobs=jobs,
        as_json=as_json,
    )
