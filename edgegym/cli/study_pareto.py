"""`edgegym study pareto`: what delay and energy buy."""

from functools import partial

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Quick, Resume, Seeds
from edgegym.cli.studying import carry_out


def pareto(
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
    """Plan and train every scheme over both budgets: the accuracy-delay-energy surface.

    Writes surface.csv, the bound over both budgets; plans.csv, what every scheme's training
    gives on a coarser grid, and which plans lie on the front; fronts.csv; and a picture.
    """
    from edgegym.studies.two_stage.pareto import settle

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
