"""`edgegym rerun RUN ROW`: play one row of a run again, from its manifest alone."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edgegym.cli.agents import agent_contender, warn_of_code
from edgegym.cli.options import AsJson, DataDir, Device
from edgegym.cli.printing import print_json, print_table, progress_console
from edgegym.errors import InputError
from edgegym.results.numbers import number
from edgegym.runs.episodes import episode_files
from edgegym.runs.files import read_model
from edgegym.runs.manifest import load_manifest
from edgegym.runs.play import PLAY_AGAIN, Episode, play_anew
from edgegym.runs.players import find_contenders


def rerun(
    run: Annotated[Path, typer.Argument(help="A run folder of compare, evaluate or figure.")],
    row: Annotated[int, typer.Argument(min=1, help="A row of its results.csv, from 1.")],
    device: Device = "auto",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Play one row of a run's results.csv again and lay both outcomes side by side.

    On a CPU they are the same to the last bit, unless versions or the machine differ; the folder
    is left as it is.
    """
    manifest = load_manifest(run, job=None)
    contenders = find_contenders(manifest, agent_contender)
    files = episode_files(contenders, manifest.seeds, run)
    if not files:
        raise InputError(
            f"RUN must have played episodes; got {str(run)!r}, which was planned alone. Make it "
            f"again with `edgegym {manifest.command_name}`."
        )
    if row > len(files):
        raise InputError(
            f"ROW must be from 1 to {len(files)}, the rows of {str(run / 'results.csv')!r}; got "
            f"{row}. Choose one of them."
        )
    (design, seed), file = list(files.items())[row - 1]
    recorded = read_model(Episode, file, PLAY_AGAIN)
    contender = contenders[design]
    if design in manifest.agents:
        warn_of_code([manifest.agents[design]])
    with progress_console.status(f"Playing {design} with seed {seed}"):
        again = play_anew(
            manifest.read_scenario().replace(**contender.changes),
            contender.make_policy,
            seed,
            fidelity=manifest.fidelity,
            device=device,
            data_dir=data_dir,
            **contender.arguments,
        )
    _report(design, seed, recorded, again, as_json)


def _report(design: str, seed: int, recorded: Episode, again: Episode, as_json: bool) -> None:
    # What an older version has not recorded cannot differ.
    same = all(
        getattr(recorded, part).items() <= getattr(again, part).items()
        for part in ("final", "rounds", "devices")
    )
    if as_json:
        return print_json(
            {"design": design, "seed": seed, "same": same}
            | {"recorded": recorded.final, "again": again.final}
        )
    table = Table("", "recorded", "again", title=f"{design}, seed {seed}")
    for key, value in recorded.final.items():
        table.add_row(key, number(value, ""), number(again.final.get(key), ""))
    print_table(table)
    n_rounds = len(again.rounds["loss"])
    print(
        f"Every figure of all {n_rounds} rounds is the same to the last bit."
        if same
        else "They differ: compare the versions in manifest.json with `edgegym doctor`."
    )
