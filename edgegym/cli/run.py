"""`edgegym run`: one episode under a plan file or a scheme."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    Device,
    Grid,
    MethodName,
    ScenarioName,
    SchemeName,
    Seed,
    print_json,
    progress_console,
    read_scenario,
)
from edgegym.errors import InputError
from edgegym.evaluation.files import write_whole
from edgegym.two_stage.costs import require_same_devices
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario


def run(
    scenario: ScenarioName = "digits",
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A file that `edgegym plan --out` wrote.")
    ] = None,
    scheme: SchemeName = "joint",
    method: MethodName = "exact",
    grid: Grid = 6,
    fidelity: Annotated[str, typer.Option("--fidelity", help="train or bound")] = "train",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the rounds to this CSV file.")
    ] = None,
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Play one episode: the plan of a file where one is given, else that of a scheme."""
    from edgegym.evaluation.rollout import play_plan

    checked = read_scenario(scenario, changes)
    chosen = Plan.load(plan) if plan else _planned(checked, scheme, method, grid)
    require_same_devices(chosen, checked, name=f"plan {str(plan)!r}")
    with progress_console.status("Playing"):
        episode = play_plan(
            checked, chosen, seed, fidelity=fidelity, device=device, data_dir=data_dir
        )
    if out is not None:
        write_whole(out, pd.DataFrame(episode.rounds).to_csv(index=False))
    if as_json:
        return print_json({"scenario": checked.name, "seed": seed, **episode.final})
    table = Table(show_header=False)
    for key, value in episode.final.items():
        table.add_row(key, f"{value:.6g}")
    Console().print(table)


def _planned(scenario: Scenario, scheme: str, method: str, grid: int) -> Plan:
    import baselines

    result = baselines.plan(scenario, scheme=scheme, method=method, grid=grid)
    if result.plan is None:
        raise InputError(result.message)
    return result.plan
