"""`edgegym scenario list/show/check`: the scenarios, one as TOML, and what is wrong with it."""

from typing import Annotated

import typer
from rich.table import Column, Table

from edgegym.cli.console import Console
from edgegym.cli.options import AsJson, Changes, SystemName, choose, read_change, read_scenario
from edgegym.cli.printing import print_json, print_table
from edgegym.results.numbers import number
from edgegym.scenario.document import changed_text, shipped_scenarios
from edgegym.systems.load import load_scenario
from edgegym.systems.system import system_of

app = Console(help="The scenarios as TOML, and what is wrong with one.", no_args_is_help=True)
Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME|FILE", help="A shipped name or a TOML file; else digits."),
]
SameName = Annotated[
    str | None, typer.Option("--scenario", "-s", metavar="NAME|FILE", help="The same.")
]


@app.command("list")
def list_scenarios(as_json: AsJson = False) -> None:
    """List the shipped scenarios."""
    scenarios = {name: load_scenario(name) for name in shipped_scenarios()}
    rows = [
        {
            "name": name,
            "system": system_of(s).name,
            "network": s.learning.network,
            "data": s.learning.data,
            "n_devices": s.n_devices,
            "delay_budget_s": s.delay_budget_s,
            "energy_budget_j": s.energy_budget_j,
        }
        for name, s in scenarios.items()
    ]
    if as_json:
        return print_json({"scenarios": rows})
    table = Table(Column("name", no_wrap=True), *list(rows[0])[1:])
    for row in rows:
        table.add_row(*map(number, row.values()))
    print_table(table)


@app.command("show")
def show(
    name: Name = None,
    scenario: SameName = None,
    system: SystemName = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Print a scenario as TOML, every value with its source."""
    chosen = choose(name, scenario, system)
    checked = read_scenario(chosen, changes, system)
    if as_json:
        return print_json(checked.model_dump(mode="json"))
    print(changed_text(chosen, dict(map(read_change, changes or []))), end="")


@app.command("check")
def check(
    name: Name = None,
    scenario: SameName = None,
    system: SystemName = None,
    changes: Changes = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a scenario, what is hardly meant, and which schemes do not fit."""
    from baselines import plan

    checked = read_scenario(choose(name, scenario, system), changes, system)
    kind = system_of(checked)
    exact = [scheme for scheme, method in kind.designs.values() if method == "exact"]
    results = [plan(checked, scheme) for scheme in exact]
    said = kind.remarks(checked) + [r.message for r in results if r.plan is None]
    if as_json:
        return print_json({"scenario": checked.name, "valid": True, "remarks": said})
    print(f"{checked.name}: every value is in range.")
    for remark in said:
        print(f"- {remark}")
