"""`edgegym scenario list/show/check` and `new`: the scenarios as TOML, and one of one's own."""

import shlex
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from edgegym.cli.command_line import CommandLine
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    SystemName,
    choose,
    read_change,
    read_scenario,
)
from edgegym.cli.printing import print_json, print_table
from edgegym.errors import InputError, unknown_name
from edgegym.results.numbers import number
from edgegym.runs.files import write_whole
from edgegym.runs.imports import IMPORTED
from edgegym.scenario.document import changed_text, shipped_scenarios
from edgegym.scenario.profiles import CELLS, DEVICES
from edgegym.systems.load import FIRST_SYSTEM, load_scenario
from edgegym.systems.system import imported, system_of

#: Where devices are that nobody places.
DISTANCES_M = (60.0, 100.0, 160.0)
#: Who writes a new scenario of a system.
NEW = {
    "two-stage": "edgegym.studies.two_stage.new_scenario:new_scenario",
    "cooperative": "edgegym.studies.cooperative_scenario:new_scenario",
}

app = CommandLine(help="The scenarios as TOML, and one of your own.", no_args_is_help=True)
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
    exact = [scheme for scheme, method in kind.designs_of(checked).values() if method == "exact"]
    results = [plan(checked, scheme) for scheme in exact]
    said = kind.remarks(checked) + [r.message for r in results if r.plan is None]
    if as_json:
        return print_json({"scenario": checked.name, "valid": True, "remarks": said})
    print(f"{checked.name}: every value is in range.")
    for remark in said:
        print(f"- {remark}")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new scenario's name.")],
    network: Annotated[str, typer.Option("--network", help="Ours, or registered by --import.")],
    dataset: Annotated[
        str, typer.Option("--dataset", help="Of the devices: ours, registered, npz:, folder:.")
    ],
    pretrain_dataset: Annotated[
        str | None, typer.Option("--pretrain-dataset", help="Of the server; else the same.")
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", help="phone, single-board or microcontroller")
    ] = "phone",
    devices: Annotated[int, typer.Option("--devices", min=1, help="How many of them.")] = 3,
    cell: Annotated[
        str, typer.Option("--cell", help="urban-micro, urban-macro or indoor")
    ] = "urban-micro",
    distance_m: Annotated[
        list[float] | None,
        typer.Option("--distance-m", help="Of the devices, repeatable; they take them in turn."),
    ] = None,
    bandwidth_hz: Annotated[float, typer.Option("--bandwidth-hz", help="Of each link.")] = 1e6,
    carrier_hz: Annotated[float, typer.Option("--carrier-hz", help="Of the radio.")] = 3.5e9,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of both stages.")] = 0.01,
    system: Annotated[
        str, typer.Option("--system", help="two-stage or cooperative")
    ] = FIRST_SYSTEM,
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option("--out", help="Else NAME.toml; must be new.")] = None,
) -> None:
    """Write a scenario of your own network and data, with budgets that bind.

    Parameters, FLOPs of a sample, update size, untrained loss and data counts are measured; devices
    and cell are of a kind whose numbers carry their sources. Of system cooperative FLOPs and
    activations are counted by the depth of a block. Edit what you know better; `edgegym calibrate`
    measures the constants of the two-stage bound.
    """
    from edgegym.studies.scenario_lines import Radio

    path = out or Path(f"{name}.toml")
    if path.exists():
        raise InputError(f"--out must be new; got {str(path)!r}, which exists. Choose another.")
    for option, chosen, valid in (
        ("--system", system, NEW),
        ("--profile", profile, DEVICES),
        ("--cell", cell, CELLS),
    ):
        if chosen not in valid:
            raise unknown_name(option, chosen, valid)
    distances = tuple(islice(cycle(distance_m or DISTANCES_M), devices))
    text = imported(NEW[system])(
        name,
        network=network,
        pretrain_dataset=pretrain_dataset or dataset,
        finetune_dataset=dataset,
        profile=profile,
        radio=Radio(cell, bandwidth_hz, carrier_hz, distances),
        learning_rate=learning_rate,
        data_dir=data_dir,
    )
    write_whole(path, text)
    imports = "".join(f" --import {module}" for module in IMPORTED)
    print(f"Written to {path}: `edgegym scenario check {shlex.quote(str(path))}{imports}`")
