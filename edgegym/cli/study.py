"""`edgegym study`: what settles a question about a paper."""

from typing import Annotated, Any

import typer

from edgegym.cli.command_line import CommandLine
from edgegym.cli.runs import Quick, Seeds
from edgegym.cli.study_constraints import constraints
from edgegym.cli.study_matching import matching
from edgegym.cli.studying import study_of

Axis = Annotated[
    str | None,
    typer.Option(help="A value of the map, such as max_pretrain_rounds; else what decides most."),
]

app = CommandLine(help="Studies that settle a question about a paper.", no_args_is_help=True)


@app.callback()
def study() -> None:
    """Settle a question about a paper."""


@app.command()
@study_of("two-stage", "edgegym.studies.two_stage.bound_study:settle")
def bound(seeds: Seeds = 3, quick: Quick = False) -> None:
    """Hold both sides of (34) against each other along the real training of the exact joint plan.

    Its constants are the largest measured on the same runs. Writes sides.csv, by stage, with the
    parts of the right side and its slack; limit.csv, as rounds of fine-tuning are added after the
    plan's; variance.csv, of a fine-tuning round at one model, beside what (34) charges for it; and
    a picture.
    """


app.command("constraints")(constraints)


@app.command()
@study_of("partitioned", "edgegym.studies.partitioned:settle")
def heterogeneity(
    draws: Annotated[int, typer.Option("--draws", min=1, help="Systems for each spread.")] = 20,
    seeds: Seeds = 3,
) -> None:
    """Measure what planning blocks and bandwidth jointly is worth, over how unlike workers are.

    Latencies are planned, accuracies trained for real. Writes latencies.csv, accuracies.csv,
    summary.csv and a picture, and says where the abstract's 46 % and 4 % appear.
    """


@app.command()
@study_of("cooperative", "edgegym.studies.cooperative:settle")
def drift(seeds: Seeds = 3) -> None:
    """Train blocks on different devices, and see whether their data pull the model apart.

    With a fixed matching, one that rotates, data that are alike, and all blocks on one device.
    Writes accuracies.csv, summary.csv and a picture.
    """


app.command("matching")(matching)


def _require_axes(scenario: Any, x: str | None, y: str | None, **_: Any) -> None:
    from edgegym.studies.two_stage.open_values import require_axes

    require_axes(scenario, x, y)


@app.command()
@study_of("two-stage", "edgegym.studies.two_stage.sensitivity:settle", check=_require_axes)
def sensitivity(
    x: Axis = None,
    y: Axis = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=0, help="How many to train with; 0 plans alone.")
    ] = 3,
    quick: Quick = False,
) -> None:
    """Sweep every value that the paper leaves open, and say where planning jointly is worth it.

    The joint design and both single stages are planned at each place of grids and draws; a dozen
    places are trained for real. Writes values.csv, which values decide; counts.csv, how often and
    how much; map.csv and map.png over two of them; trained.csv, whether real training agrees.
    """


@app.command()
@study_of("split", "edgegym.studies.split:settle")
def split(
    seeds: Seeds = 3,
    residual: Annotated[
        bool, typer.Option("--residual", help="Keep the residual at each layer as well.")
    ] = False,
) -> None:
    """Measure the accuracy of every split that a scenario lets choose, with real training.

    Writes looks.csv, summary.csv, a picture, and law.json, which a scenario names as its
    accuracy_law; says at which layers and ranks little is lost.
    """


@app.command()
@study_of("two-stage", "edgegym.studies.two_stage.shift:settle")
def shift(seeds: Seeds = 3, quick: Quick = False) -> None:
    """Move the task's data away from the general ones, and say where Fig. 6's trend holds.

    The task's images are turned, or the server lacks labels: what the distance W is by measurement,
    what the joint plan does, and which split of the budgets is best in real training. Writes
    plans.csv, trained.csv, summary.csv and a picture.
    """


@app.command()
@study_of("two-stage", "edgegym.studies.two_stage.pareto:settle")
def pareto(seeds: Seeds = 3, quick: Quick = False) -> None:
    """Plan and train every scheme over both budgets: the accuracy-delay-energy surface.

    Writes surface.csv, the bound over both budgets; plans.csv, what every scheme's training
    gives on a coarser grid, and which plans lie on the front; fronts.csv; and a picture.
    """
