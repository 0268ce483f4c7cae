"""A study from its folder to its finding: begun or taken up, its points computed, its tables."""

import json
import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict

from edgegym.errors import InputError
from edgegym.runs.campaign import Counting
from edgegym.runs.episodes import TRAINING_MODULES
from edgegym.runs.files import read_model, write_figure, write_whole
from edgegym.runs.imports import IMPORTED, import_modules
from edgegym.runs.manifest import require_new
from edgegym.runs.workers import run_all, start_workers
from edgegym.systems.system import find_system, system_of

FILE_NAME = "study.json"
#: What a point gives: plain data, which JSON takes.
Figures = dict[str, Any]


class Study(BaseModel):
    """What a study is of, and what it was told: the first file of its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    command: list[str]
    system: str
    scenario: dict[str, Any]
    options: dict[str, Any]
    imports: list[str] = []

    def read_scenario(self) -> Any:
        """Check and freeze the scenario anew."""
        return find_system(self.system).scenario.parse(self.scenario, where=FILE_NAME)


class Finding(NamedTuple):
    """What a study has found.

    Parameters
    ----------
    tables, pictures : by the name of their file, without its ending
    shown : which table is printed
    verdict : in a sentence or a few
    texts : further files, by their names
    """

    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Figure]
    shown: str
    verdict: str
    texts: Mapping[str, str] = {}


#: Computes the points of a kind in parallel, those that do not lie in the folder, by their keys.
Points = Callable[[str, Mapping[str, Callable[[], Figures]]], dict[str, Figures]]
#: Settles a question: of the study and what computes its points.
Settle = Callable[[Study, Points], Finding]


def begin(name: str, command: list[str], scenario: Any, options: Figures, run_dir: Path) -> Study:
    """Begin a study's folder, which must be new.

    Raises
    ------
    InputError
        If there is a study in it.
    """
    study = Study(
        name=name,
        command=command,
        system=system_of(scenario).name,
        scenario=scenario.model_dump(mode="json"),
        options=options,
        imports=[*IMPORTED],
    )
    require_new(run_dir, FILE_NAME)
    write_whole(run_dir / FILE_NAME, study.model_dump_json(indent=2))
    return study


def load_study(name: str, run_dir: Path) -> Study:
    """Read what a study's folder was begun with, and import its modules.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or it is of another study.
    """
    study = read_model(Study, run_dir / FILE_NAME)
    import_modules(study.imports)
    if study.name != name:
        finish = f"edgegym study {study.name} --resume {shlex.quote(str(run_dir))}"
        raise InputError(
            f"--resume must name a folder of study {name!r}; got {str(run_dir)!r}, of study "
            f"{study.name!r}. Finish it with: {finish}."
        )
    return study


def carry_out(
    study: Study, settle: Settle, run_dir: Path, *, jobs: int, counting: Counting
) -> Finding:
    """Compute what is missing of a study, and write its tables and pictures.

    Parameters
    ----------
    study : as it was begun
    settle : what it does
    run_dir : its folder
    jobs : processes
    counting : shows how many points of each kind are done
    """
    with start_workers(jobs, preload=TRAINING_MODULES) as pool:
        finding = settle(study, partial(compute_points, pool, run_dir, counting))
    for name, table in finding.tables.items():
        write_whole(run_dir / f"{name}.csv", table.to_csv(index=False))
    for name, text in finding.texts.items():
        write_whole(run_dir / name, text)
    for name, picture in finding.pictures.items():
        write_figure(run_dir / f"{name}.png", picture)
    return finding


def compute_points(
    pool: Executor,
    run_dir: Path,
    counting: Counting,
    kind: str,
    calls: Mapping[str, Callable[[], Figures]],
) -> dict[str, Figures]:
    """Compute the points that do not lie in the folder yet, each a file, and read all of them.

    Parameters
    ----------
    pool : where they are computed
    run_dir : the study's folder
    counting : shows how many are done
    kind : what they are, the name of their folder, such as "plans"
    calls : by a key that is their file's name; pickled, so partials of functions at module level

    Raises
    ------
    InputError
        If a file is damaged; it is left as it was.
    """
    files = {key: run_dir / kind / f"{key}.json" for key in calls}
    missing = {files[key]: call for key, call in calls.items() if not files[key].exists()}
    with counting(kind.capitalize()) as on_progress:
        run_all(pool, missing, _write, on_progress, n_before=len(files) - len(missing))
    return {key: _read(file) for key, file in files.items()}


def _write(file: Path, figures: Figures) -> None:
    write_whole(file, json.dumps(figures))


def _read(file: Path) -> Figures:
    try:
        figures: Figures = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"file {str(file)!r} must be a point that this study wrote; got {error}. Delete it, "
            "and --resume computes it again."
        ) from None
    return figures
