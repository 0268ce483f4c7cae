"""`edgegym calibrate`: the bound's constants and the emulator, from recorded real rounds."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from edgegym.cli.campaign import CAMPAIGN, LEAST_FITTED, Campaign, carry_out
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
from edgegym.cli.printing import number, print_json, print_table, with_half_width
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, new_run_dir, require_alone
from edgegym.runs.files import read_model, write_whole
from edgegym.runs.manifest import require_new


def calibrate(
    context: typer.Context,
    scenario: ScenarioName = "digits",
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
    require_alone(resume, context)
    if resume:
        campaign, run_dir = read_model(Campaign, resume / CAMPAIGN), resume
    else:
        checked = read_scenario(scenario, changes)
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
        require_new(run_dir, CAMPAIGN)
        write_whole(run_dir / CAMPAIGN, campaign.model_dump_json(indent=2))
    report = carry_out(campaign, run_dir, jobs, device, data_dir)
    write_whole(run_dir / "report.json", json.dumps(report, indent=2))
    if as_json:
        return print_json(report)
    _print(report, run_dir)


def _print(report: dict[str, Any], run_dir: Path) -> None:
    found = report["emulator"]
    print(
        f"Emulator on {found['n_plans']} plans that were not fitted: final loss off by "
        f"{number(found['mean_relative_error'], '.1%')} (median "
        f"{number(found['median_relative_error'], '.1%')}), rank correlation "
        f"{number(found['rank_correlation'], '.2f')}.\nReal training itself is uncertain by "
        f"{number(found['mean_relative_standard_error_of_real_training'], '.1%')} (standard error)."
    )
    ranks = report["bound_rank_correlation"]
    print(
        "Rank correlation of bound (34) and real final loss on these plans: "
        + ", ".join(
            f"{number(value, '.2f')} with {name} constants" for name, value in ranks.items()
        )
        + "."
    )
    constants = Table("constant", *report["constants"], title="Constants of (34)")
    for key in report["constants"]["shipped"]:
        constants.add_row(
            key, *(number(values[key], ".4g") for values in report["constants"].values())
        )
    print_table(constants)
    table = Table("exact plan with", "M", "N", "batches", "test loss", "accuracy")
    for row in report["plans"]:
        table.add_row(
            f"{row['constants']} constants",
            *(str(row[key]) for key in ("n_pretrain_rounds", "n_finetune_rounds", "batches")),
            with_half_width(row["test_loss"], row["test_loss_interval"], ".3f"),
            number(row["test_accuracy"], ".3f"),
        )
    print_table(table)
    print(f"Written to {run_dir}: emulator.json, two scenarios, report.json and pictures")
