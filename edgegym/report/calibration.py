"""The page of a folder of `edgegym calibrate`."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from edgegym.errors import InputError
from edgegym.report.page import Page
from edgegym.report.pictures import read_pictures
from edgegym.report.scenario import scenario_table
from edgegym.report.tables import Table, lay_out, number, read_table
from edgegym.runs.files import read_model
from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.scenario import Scenario

CALIBRATION, FOUND = "calibration.json", "report.json"


class Calibration(BaseModel):
    """What the page tells of a calibration: the command, and on what."""

    command: list[str]
    scenario: dict[str, Any]
    plans: int
    tests: int
    repeats: int


class Found(BaseModel):
    """What a calibration found."""

    emulator: dict[str, float]
    bound_rank_correlation: dict[str, float]
    constants: dict[str, dict[str, float]]
    plans: list[dict[str, Any]]


def calibration_page(run_dir: Path) -> Page:
    """Gather what a calibration's folder tells.

    Raises
    ------
    InputError
        If the calibration is not finished, or a file is damaged.
    """
    begun = read_model(Calibration, run_dir / CALIBRATION)
    again = f"edgegym calibrate --resume {shlex.quote(str(run_dir))}"
    if not (run_dir / FOUND).exists():
        raise InputError(
            f"run folder must hold a finished calibration; got {str(run_dir)!r}, which has no "
            f"{FOUND}. Finish it with `{again}`."
        )
    found = read_model(Found, run_dir / FOUND)
    scenario = Scenario.parse(begun.scenario, where=CALIBRATION)
    tested = read_table(run_dir / "test-plans.csv", ["emulated_loss", "real_loss"], again)
    return Page(
        title=f"Calibration: {scenario.name}",
        verdict=f"An emulator of scenario {scenario.name} and constants of bounds, from "
        f"{begun.plans} random plans trained for real; on the {begun.tests} of them that were not "
        f"fitted, {begun.repeats} seeds each, the emulator's final loss is off by "
        f"{number(found.emulator['mean_relative_error'], '.1%')} (median "
        f"{number(found.emulator['median_relative_error'], '.1%')}), rank correlation "
        f"{number(found.emulator['rank_correlation'], '.2f')}.",
        summary=_summary(found, bound_name(scenario)),
        pictures=read_pictures(run_dir),
        details=[lay_out(tested, "Plans that were not fitted")],
        scenario=scenario_table(scenario, begun.command),
        commands=[
            ("What made this folder", shlex.join(["edgegym", *begun.command[1:]])),
            ("Finish it, or draw it anew", "edgegym calibrate --resume RUN"),
            ("Make this page", "edgegym report RUN"),
        ],
        facts=[],
    )


def _summary(found: Found, bound: str) -> list[Table]:
    """Lay out the plans and the constants, with how well the bound ranks by each set of them."""
    plans = pd.DataFrame(found.plans).rename(columns={"constants": "constants of"})
    correlations = plans["constants of"].map(found.bound_rank_correlation)
    plans[f"rank correlation of {bound}"] = correlations
    constants = pd.DataFrame(found.constants).rename_axis("constant").reset_index()
    note = f"Rank correlation: of {bound} with real final losses, on plans that were not fitted."
    return [
        lay_out(plans, "The exact plan with each set of constants", note=note),
        lay_out(constants, "Constants of the bounds"),
    ]
