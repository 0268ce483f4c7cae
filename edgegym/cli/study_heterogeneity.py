"""`edgegym study heterogeneity`: what planning blocks and bandwidth jointly is worth."""

from functools import partial
from typing import Annotated

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, Seeds
from edgegym.cli.studying import carry_out


def heterogeneity(
    context: typer.Context,
    scenario: ScenarioName = None,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Systems for each spread.")] = 20,
    seeds: Seeds = 3,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what planning blocks and bandwidth jointly is worth, over how unlike workers are.

    Latencies are planned, accuracies trained for real. Writes latencies.csv, accuracies.csv,
    summary.csv and a picture, and says where the abstract's 46 % and 4 % appear.
    """
    from edgegym.studies.partitioned import settle

    del seed  # every command takes one; the systems are those of draws 0, 1, ...
    carry_out(
        context,
        partial(settle, data_dir=data_dir),
        partial(read_scenario, scenario, changes, "partitioned"),
        {"draws": draws, "seeds": seeds},
        out=out,
        resume=resume,
        jobs=jobs,
        as_json=as_json,
    )
