"""The manifest: what a run folder was made from, enough to finish or repeat it."""

import json
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from edgegym.errors import InputError
from edgegym.runs.files import read_model, write_whole
from edgegym.runs.imports import IMPORTED, import_modules
from edgegym.systems.system import System, find_system, system_of

PACKAGES = (
    *("edgegym", "gymnasium", "numpy", "cvxpy", "clarabel", "torch", "torchvision", "pandas"),
    "stable-baselines3",
)
FILE_NAME = "manifest.json"

#: The figure of the paper that plays nothing.
PLANNED_ALONE = 6

Job = Literal["compare", "evaluate", "figure"]


class Design(BaseModel):
    """Who plays by a plan: how it was planned, and the plan, None where nothing fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: str
    method: str
    status: str
    message: str
    plan: dict[str, Any] | None
    changes: dict[str, float] = {}  # of the scenario, for this design alone


class AgentFile(BaseModel):
    """One agent: where it lies, or its "module:function", and what it was when the run began.

    What follows the digest is told of an agent without a card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    digest: str
    algo: str | None = None
    rounds_per_step: int | None = None
    environment: dict[str, Any] = {}  # other arguments
    wrappers: list[str] = []


class Manifest(BaseModel):
    """Scenario, seeds and who plays, with the command and the versions that made the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str]
    created: str
    python: str
    platform: str
    versions: dict[str, str]
    scenario: dict[str, Any]
    seeds: list[int]
    designs: dict[str, Design]
    # What has a default came after the first release.
    system: str = "two-stage"
    job: Job = "compare"
    fidelity: str = "train"
    policies: list[str] = []  # what decides as it goes: random, receding
    agents: dict[str, AgentFile] = {}
    figure: int | None = None  # of the paper
    imports: list[str] = []  # modules of the user's own

    @property
    def command_name(self) -> str:
        """What finishes the run, as it is typed."""
        return self.job if self.figure is None else f"{self.job} {self.figure}"

    @property
    def is_played(self) -> bool:
        """Whether the run consists of episodes."""
        return self.figure != PLANNED_ALONE

    def find_system(self) -> System:
        """Look up the system that was played.

        Raises
        ------
        InputError
            If there is none of its name here, as where it is registered by a module of one's own.
        """
        return find_system(self.system)

    def read_scenario(self) -> Any:
        """Check and freeze the scenario anew."""
        return self.find_system().scenario.parse(self.scenario, where=FILE_NAME)

    def read_plans(self) -> dict[str, Any]:
        """Read the plan of every design that has one."""
        plan = self.find_system().plan
        return {
            name: plan.from_json(json.dumps(design.plan), where=FILE_NAME)
            for name, design in self.designs.items()
            if design.plan is not None
        }


def make_manifest(
    scenario: Any, seeds: list[int], designs: dict[str, Design], **more: Any
) -> Manifest:
    """Record what is about to run, on what; `more` are the fields that have a default."""
    return Manifest(
        command=sys.argv,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        platform=platform.platform(),
        versions={package: version(package) for package in PACKAGES},
        system=system_of(scenario).name,
        scenario=scenario.model_dump(mode="json"),
        seeds=seeds,
        designs=designs,
        imports=[*IMPORTED],
        **more,
    )


def require_new(run_dir: Path, file_name: str = FILE_NAME) -> None:
    """Refuse a folder that holds a run already.

    Raises
    ------
    InputError
        If there is a manifest in it, or the file that stands for one.
    """
    if (run_dir / file_name).exists():
        raise InputError(
            f"run folder must be new; got {str(run_dir)!r}, which holds a run. "
            f"Finish that one with --resume {shlex.quote(str(run_dir))}, or choose another --out."
        )


def save_manifest(manifest: Manifest, run_dir: Path) -> None:
    """Begin a run folder, which must be new."""
    require_new(run_dir)
    write_whole(run_dir / FILE_NAME, manifest.model_dump_json(indent=2))


def load_manifest(run_dir: Path, job: Job | None = "compare") -> Manifest:
    """Read the manifest of a run folder, whatever command's if `job` is None; import its modules.

    Raises
    ------
    InputError
        If there is none, it is damaged or another command's; the folder is left as it was.
    """
    manifest = read_model(Manifest, run_dir / FILE_NAME)
    import_modules(manifest.imports)
    if job is not None and manifest.job != job:
        raise InputError(
            f"run folder must be one that `edgegym {job}` began; got {str(run_dir)!r}. Finish "
            f"it with `edgegym {manifest.command_name} --resume {shlex.quote(str(run_dir))}`."
        )
    return manifest
