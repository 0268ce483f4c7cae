"""The page of a folder of `edgegym compare`, `evaluate` or `figure`."""

import shlex
from pathlib import Path

import pandas as pd

from edgegym.errors import InputError
from edgegym.report.designs import agents_table, designs_table
from edgegym.report.page import Page
from edgegym.report.pictures import read_pictures
from edgegym.report.scenario import scenario_table
from edgegym.report.summary import summary_table
from edgegym.report.tables import Table, lay_out, read_table
from edgegym.report.verdict import how_it_ran, who_leads
from edgegym.results.measures import metric_of
from edgegym.runs.manifest import Manifest, load_manifest
from edgegym.scenario.base import BaseScenario

#: Told by shape as well as by word.
MARKS = {"holds": "✓", "does not hold": "✗"}


def run_page(run_dir: Path) -> Page:
    """Gather what a run folder tells.

    Raises
    ------
    InputError
        If the run is not finished, or a file of it is damaged.
    """
    manifest = load_manifest(run_dir, job=None)
    again = f"edgegym {manifest.command_name} --resume {shlex.quote(str(run_dir))}"
    results = _read_results(run_dir, manifest, again)
    scenario = manifest.read_scenario()
    is_played = manifest.is_played
    claims = run_dir / "claims.csv"
    leads = f" {who_leads(manifest, results)}" if is_played else ""
    return Page(
        title=f"{_title(manifest)}: {scenario.name}",
        verdict=how_it_ran(manifest) + leads,
        summary=[summary_table(run_dir, manifest, results, again)],
        claims=_claims(claims, again) if claims.exists() else None,
        pictures=read_pictures(run_dir),
        designs=[
            table for table in (designs_table(manifest), agents_table(manifest)) if table.rows
        ],
        details=[_rows(results, scenario)],
        scenario=scenario_table(scenario, manifest.command),
        commands=_commands(manifest, is_played),
        facts=[
            ("Begun", manifest.created),
            ("Platform", manifest.platform),
            ("Python", manifest.python),
            *manifest.versions.items(),
        ],
    )


def _title(manifest: Manifest) -> str:
    what = {"compare": "Designs compared", "evaluate": "Contenders ranked"}
    return what.get(manifest.job, f"Figure {manifest.figure} of the paper")


def _read_results(run_dir: Path, manifest: Manifest, again: str) -> pd.DataFrame:
    """Read a row per episode, all of them."""
    path = run_dir / "results.csv"
    if not path.exists():
        raise InputError(
            f"run folder must hold a finished run; got {str(run_dir)!r}, which has no results.csv. "
            f"Finish it with `{again}`."
        )
    if not manifest.is_played:
        return read_table(path, ["distribution_distance"], again)
    metric = metric_of(manifest.fidelity, manifest.find_system()).loss
    results = read_table(path, ["seed", metric, "total_delay_s", "end_code"], again)
    plans = [design for design in manifest.designs.values() if design.plan is not None]
    n_playing = len(plans) + len(manifest.policies) + len(manifest.agents)
    if len(results) != (expected := n_playing * len(manifest.seeds)):
        raise InputError(
            f"table {str(path)!r} must hold the {expected} episodes of its manifest; got "
            f"{len(results)}. Write it anew with `{again}`."
        )
    return results


def _claims(path: Path, again: str) -> Table:
    """Lay out what the paper says beside what was measured."""
    claims = read_table(path, [], again, words=("figure", "claim", "measured", "verdict"))
    verdicts = [f"{MARKS.get(verdict, '?')} {verdict}" for verdict in claims["verdict"]]
    told = claims[["figure", "claim", "measured"]].assign(verdict=verdicts)
    counts = claims["verdict"].value_counts()
    caption = ", ".join(f"{verdict}: {count}" for verdict, count in counts.items())
    return lay_out(told.rename(columns={"claim": "the paper says"}), f"Claims, {caption}")


def _rows(results: pd.DataFrame, scenario: BaseScenario) -> Table:
    """List the episodes with the numbers by which `edgegym rerun RUN ROW` knows them."""
    rows = results.assign(row=range(1, len(results) + 1))
    return lay_out(rows[["row", *results.columns]], "Rows of results.csv", scenario=scenario)


def _commands(manifest: Manifest, is_played: bool) -> list[tuple[str, str]]:
    """List the commands that made the run, go on with it and repeat it."""
    made = shlex.join(["edgegym", *manifest.command[1:]])
    played = [
        ("Finish it, or draw it anew", f"edgegym {manifest.command_name} --resume RUN"),
        ("Play row 1 of results.csv again", "edgegym rerun RUN 1"),
    ]
    return [
        ("What made this run", made),
        *(played if is_played else []),
        ("Make this page", "edgegym report RUN"),
    ]
