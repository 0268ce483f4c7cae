"""`edgegym calibrate`: the bound's constants and the emulator, from recorded real rounds."""

import sys
from typing import Annotated

import typer

from edgegym.cli.calibrated import print_calibration
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    ScenarioName,
    Seed,
    finite,
    read_scenario,
)
from edgegym.cli.printing import print_json, progress_console
from edgegym.cli.progress import counting
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, new_run_dir, require_alone
from edgegym.studies.calibration.campaign import LEAST_FITTED, Campaign, begin, load_campaign


def calibrate(
    context: typer.Context,
    scenario: ScenarioName = None,
    plans: Annotated[
        int, typer.Option("--plans", min=1 + LEAST_FITTED, help="Random plans to train.")
    ] = 96,
    tests: Annotated[int, typer.Option("--tests", min=3, help="Of these, not fitted.")] = 24,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Seeds per test plan.")] = 4,
    percentile: Annotated[
        float,
        typer.Option(
            "--percentile", min=0, max=100, callback=finite, help="Of the measured constants."
        ),
    ] = 50,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds of the last table.")] = 5,
    jobs: Jobs = N_CORES,
    device: Device = "auto",
    data_dir: DataDir = None,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train random plans, fit the emulator, measure the constants of (34), plan with them.

    Writes the recordings, emulator.json, two scenarios (NAME-measured.toml with a percentile of
    what was measured, NAME-effective.toml with the gradient variances under which the bound ranks
    the recorded runs most like their losses), report.json and pictures.
    """
    from edgegym.studies.calibration.carrying_out import carry_out

    require_alone(resume, context)
    if resume:
        campaign, run_dir = load_campaign(resume), resume
    else:
        checked = read_scenario(scenario, changes, "two-stage")
        run_dir = out or new_run_dir("calibrate", checked.name)
        campaign = Campaign(
            command=sys.argv,
            scenario=checked.model_dump(mode="json"),
            seed=seed,
            plans=plans,
            tests=min(tests, plans - LEAST_FITTED),
            repeats=repeats,
            percentile=percentile,
            seeds=seeds,
        )
        begin(campaign, run_dir)
    report = carry_out(
        campaign,
        run_dir,
        jobs=jobs,
        device=device,
        data_dir=data_dir,
        tell=progress_console.print,
        counting=counting,
    )
    if as_json:
        return print_json(report)
    print_calibration(report, campaign.read_scenario(), run_dir)
