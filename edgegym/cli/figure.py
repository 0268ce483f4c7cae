"""`edgegym figure N`: the paper's Figs. 2 to 6, and which of its claims hold here."""

from functools import partial
from typing import Annotated

import typer

from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    ScenarioName,
    Seed,
    read_budgets,
    read_change,
    read_scenario,
)
from edgegym.cli.runs import (
    N_CORES,
    Backend,
    Jobs,
    Out,
    Resume,
    Seeds,
    carry_out,
    new_run_dir,
    print_remarks,
    require_alone,
)
from edgegym.errors import InputError
from edgegym.runs.manifest import PLANNED_ALONE, make_manifest


def figure(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=2, max=6, help="Which figure of the paper, 2 to 6.")],
    scenario: ScenarioName = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", help="Figs. 4, 5: seconds or joules, with commas between."),
    ] = None,
    seeds: Seeds = 5,
    seed: Seed = 0,
    jobs: Jobs = N_CORES,
    backend: Backend = "processes",
    device: Device = "auto",
    data_dir: DataDir = None,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Make a figure of the paper, and say which of its claims hold.

    2: training loss over time. 3: training loss over energy. 4: accuracy over the delay budget.
    5: accuracy over the energy budget. 6: both stages' delay and energy over the distance of their
    data. All six schemes at their certified best; Figs. 2 to 5 with real training, Fig. 6 on one
    drawn channel a seed. A run of Fig. 2 or 3 draws both.

    Writes figure-N.png, .svg and .csv, results.csv (a row per episode), claims.csv, manifest.json.
    """
    from edgegym.cli.figure_claims import figure6, print_claims
    from edgegym.studies.two_stage.planning import load_figure, plan_points
    from edgegym.studies.two_stage.sweep import hold_budget, sweep_points
    from edgegym.studies.two_stage.writing import write_played

    require_alone(resume, context)
    all_seeds = list(range(seed, seed + seeds))
    if number == PLANNED_ALONE:
        if resume or budgets:
            raise InputError(
                "Fig. 6 must go without --resume and --budgets, as it is planned alone, in "
                "seconds, and sweeps no budget; got one of them. Leave it out."
            )
        return figure6(read_scenario(scenario, changes, "two-stage"), all_seeds, out, as_json)
    if resume:
        begun, plan = load_figure(resume, number), None
    else:
        given = dict(map(read_change, changes or []))
        checked = hold_budget(number, read_scenario(scenario, changes, "two-stage"), given)
        points = sweep_points(number, checked, read_budgets(budgets))
        begun = make_manifest(checked, all_seeds, designs={}, job="figure", figure=number)
        plan = partial(plan_points, checked, points)
    run_dir = resume or out or new_run_dir(f"figure{number}", begun.scenario["name"])
    done = carry_out(
        begun, plan, run_dir, jobs=jobs, backend=backend, device=device, data_dir=data_dir
    )
    claims, results = write_played(run_dir, number, *done, data_dir)
    print_claims(run_dir, number, claims, as_json)
    if not as_json:
        print_remarks(done[0], results.assign(design=results["scheme"]), "have no final figures")
