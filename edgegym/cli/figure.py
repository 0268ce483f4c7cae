"""`edgegym figure N`: the paper's Figs. 2 to 6, and which of its claims hold here."""

import shlex
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from edgegym.cli.figure_report import report_distances, report_played
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    ScenarioName,
    Seed,
    read_change,
    read_scenario,
)
from edgegym.cli.printing import progress_console
from edgegym.cli.runs import (
    N_CORES,
    Backend,
    Jobs,
    Out,
    Resume,
    Seeds,
    carry_out,
    new_run_dir,
    require_alone,
)
from edgegym.errors import InputError
from edgegym.runs.campaign import plan_design, require_a_plan
from edgegym.runs.manifest import Design, Manifest, load_manifest, make_manifest
from edgegym.studies.two_stage.sweep import hold_budget, sweep_points
from edgegym.systems.two_stage.costs import evaluate
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: W(P',P) of Fig. 6; only its product with the scenario's `data_lipschitz` enters (34).
DISTANCES = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0)


def figure(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=2, max=6, help="Which figure of the paper, 2 to 6.")],
    scenario: ScenarioName = "digits",
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
    require_alone(resume, context)
    all_seeds = list(range(seed, seed + seeds))
    if number == 6:
        if resume or budgets:
            raise InputError(
                "Fig. 6 must go without --resume and --budgets, as it is planned alone, in "
                "seconds, and sweeps no budget; got one of them. Leave it out."
            )
        return _figure6(read_scenario(scenario, changes), all_seeds, out, as_json)
    if resume:
        begun, plan = _known(resume, number), None
    else:
        given = dict(map(read_change, changes or []))
        checked = hold_budget(number, read_scenario(scenario, changes), given)
        points = sweep_points(number, checked, _numbers(budgets))
        begun = make_manifest(checked, all_seeds, designs={}, job="figure", figure=number)
        plan = partial(plan_points, checked, points)
    run_dir = resume or out or new_run_dir(f"figure{number}", begun.scenario["name"])
    done = carry_out(
        begun, plan, run_dir, jobs=jobs, backend=backend, device=device, data_dir=data_dir
    )
    report_played(run_dir, number, *done, name_data(begun.read_scenario(), data_dir), as_json)


def plan_points(scenario: Scenario, points: list[dict[str, float]]) -> dict[str, Design]:
    """Plan every scheme at every point.

    Raises
    ------
    InputError
        If the budgets allow none of them.
    """
    from baselines import SCHEMES

    designs = {}
    with progress_console.status("Planning"):
        for changes in points:
            where = "".join(f" @ {key}={value:g}" for key, value in changes.items())
            for scheme in SCHEMES:
                designs[scheme + where] = plan_design(scenario, scheme, "exact", 6, changes)
    require_a_plan(designs)
    return designs


def _figure6(scenario: Scenario, seeds: list[int], out: Path | None, as_json: bool) -> None:
    begun = make_manifest(scenario, seeds, designs={}, job="figure", figure=6)
    run_dir = out or new_run_dir("figure6", scenario.name)
    report_distances(run_dir, begun, plan_distances(scenario, seeds), as_json)


def plan_distances(scenario: Scenario, seeds: list[int]) -> pd.DataFrame:
    """Plan every scheme over the distance of the data, on drawn channels and the scenario's own.

    Returns
    -------
    One row per channel, scheme and distance: what either stage takes of delay and energy

    Raises
    ------
    InputError
        If the joint design does not fit.
    """
    import baselines
    from edgegym.systems.two_stage.channel import round_gains

    fading = scenario.replace(channel_mode="per-episode")
    gains = {str(seed): round_gains(fading, seed, 0) for seed in seeds}
    gains = {"scenario": (scenario.uplink_gain, scenario.downlink_gain)} | gains
    rows = []
    with progress_console.status("Planning"):
        for channel, scheme in product(gains, baselines.SCHEMES):
            uplink, downlink = (part.tolist() for part in gains[channel])
            met = scenario.replace(uplink_gain=uplink, downlink_gain=downlink)
            for distance in DISTANCES:
                result = baselines.plan(met.replace(distribution_distance=distance), scheme)
                if result.plan is None and scheme == "joint":
                    raise InputError(result.message)
                if result.plan is not None:
                    row = {"channel": channel, "scheme": scheme, "distribution_distance": distance}
                    rows.append(row | _stage_totals(result.plan, met))
    return pd.DataFrame(rows)


def _stage_totals(plan: Plan, scenario: Scenario) -> dict[str, float]:
    outcome = evaluate(plan, scenario)
    return {
        f"{stage}_{quantity}": float(getattr(rounds, quantity).sum())
        for stage, rounds in (
            ("pretrain", outcome.pretrain_rounds),
            ("finetune", outcome.finetune_rounds),
        )
        for quantity in ("delay_s", "energy_j")
    }


def name_data(scenario: Scenario, data_dir: str | None) -> str:
    """Say what is learned from what, and where it is a sample only."""
    from edgegym.learning.sources import find_data_dir, full_name

    task, folder = scenario.learning, find_data_dir(data_dir)
    source, target = (
        full_name(name, folder) for name in (task.pretrain_dataset, task.finetune_dataset)
    )
    turned = f", turned by {task.finetune_rotation_deg:g}°" if task.finetune_rotation_deg else ""
    return f"{source} to {target}{turned}"


def _known(run_dir: Path, number: int) -> Manifest:
    """Read the manifest of a run that has this figure's episodes."""
    known = load_manifest(run_dir, "figure")
    if known.figure != number and {known.figure, number} != {2, 3}:
        raise InputError(
            f"run folder must hold Fig. {number}; got {str(run_dir)!r}, which holds Fig. "
            f"{known.figure}. Finish it with "
            f"`edgegym figure {known.figure} --resume {shlex.quote(str(run_dir))}`."
        )
    return known


def _numbers(budgets: str | None) -> list[float]:
    """Read numbers with commas between."""
    try:
        return [float(part) for part in budgets.split(",")] if budgets else []
    except ValueError:
        raise InputError(
            f"--budgets must be numbers with commas between; got {budgets!r}. "
            "For example --budgets 50,100,200."
        ) from None
