"""`edgegym study sensitivity`: what the joint design is worth, over all that is left open."""

from functools import partial
from typing import Annotated, Any

import typer

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Quick, Resume
from edgegym.cli.studying import carry_out

Axis = Annotated[
    str | None,
    typer.Option(help="A value of the map, such as max_pretrain_rounds; else what decides most."),
]


def sensitivity(
    context: typer.Context,
    scenario: ScenarioName = None,
    x: Axis = None,
    y: Axis = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=0, help="How many to train with; 0 plans alone.")
    ] = 3,
    quick: Quick = False,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Sweep every value that the paper leaves open, and say where planning jointly is worth it.

    The joint design and both single stages are planned at each place of grids and draws; a dozen
    places are trained for real. Writes values.csv, which values decide; counts.csv, how often and
    how much; map.csv and map.png over two of them; trained.csv, whether real training agrees.
    """
    from edgegym.studies.two_stage.sensitivity import settle

    del seed  # every command takes one; draws and trainings are those of seeds 0, 1, ...
    carry_out(
        context,
        partial(settle, data_dir=data_dir),
        partial(_read, scenario, changes, x, y),
        {"x": x, "y": y, "seeds": seeds, "quick": quick},
        out=out,
        resume=resume,
        jobs=jobs,
        as_json=as_json,
    )


def _read(name: str | None, changes: list[str] | None, x: str | None, y: str | None) -> Any:
    """Read the scenario, and refuse axes that its map cannot have."""
    from edgegym.studies.two_stage.open_values import require_axes

    scenario = read_scenario(name, changes, "two-stage")
    require_axes(scenario, x, y)
    return scenario
