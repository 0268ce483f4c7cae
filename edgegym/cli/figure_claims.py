"""What `edgegym figure N` prints of the paper's claims, and Fig. 6, which plays nothing."""

from pathlib import Path

from rich.table import Column, Table

from edgegym.cli.printing import print_json, print_table, progress_console
from edgegym.cli.runs import new_run_dir
from edgegym.runs.manifest import PLANNED_ALONE
from edgegym.studies.two_stage.claims import Claim
from edgegym.studies.two_stage.planning import plan_distances
from edgegym.systems.two_stage.scenario import Scenario


def print_claims(run_dir: Path, number: int, claims: list[Claim], as_json: bool) -> None:
    """Print what became of a figure's claims, and which files were written."""
    if as_json:
        rows = [vars(claim) for claim in claims]
        return print_json({"figure": number, "run": str(run_dir), "claims": rows})
    table = Table("The paper says", "measured here", Column("", no_wrap=True), leading=1)
    for claim in claims:
        table.add_row(claim.claim, claim.measured, claim.verdict)
    print_table(table)
    name = f"figure-{number}"
    print(f"Written to {run_dir}: {name}.png, {name}.svg, {name}.csv, results.csv and claims.csv")


def figure6(scenario: Scenario, seeds: list[int], out: Path | None, as_json: bool) -> None:
    """Make Fig. 6 on one drawn channel a seed."""
    from edgegym.studies.two_stage.writing import write_distances

    run_dir = out or new_run_dir(f"figure{PLANNED_ALONE}", scenario.name)
    with progress_console.status("Planning"):
        stages = plan_distances(scenario, seeds)
    print_claims(run_dir, PLANNED_ALONE, write_distances(run_dir, scenario, seeds, stages), as_json)
