"""The manifest: what a run folder was made from, enough to finish or repeat it."""

import json
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from edgegym.errors import InputError
from edgegym.evaluation.files import read_model, write_whole
from edgegym.two_stage.plan import Plan
from edgegym.two_stage.scenario import Scenario, parse_scenario

PACKAGES = ("edgegym", "gymnasium", "numpy", "cvxpy", "clarabel", "torch", "torchvision", "pandas")
FILE_NAME = "manifest.json"


class Design(BaseModel):
    """One row of a comparison: how it was planned, and the plan, None where nothing fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: str
    method: str
    status: str
    message: str
    plan: dict[str, Any] | None


class Manifest(BaseModel):
    """Scenario, seeds and plans of a run, with the command and the versions that made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str]
    created: str
    python: str
    platform: str
    versions: dict[str, str]
    scenario: dict[str, Any]
    seeds: list[int]
    designs: dict[str, Design]

    def read_scenario(self) -> Scenario:
        """Check and freeze the scenario anew."""
        return parse_scenario(self.scenario, where=FILE_NAME)

    def read_plans(self) -> dict[str, Plan]:
        """Read the plan of every design that has one."""
        return {
            name: Plan.from_json(json.dumps(design.plan), where=FILE_NAME)
            for name, design in self.designs.items()
            if design.plan is not None
        }


def make_manifest(scenario: Scenario, seeds: list[int], designs: dict[str, Design]) -> Manifest:
    """Record what is about to run, on what."""
    return Manifest(
        command=sys.argv,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        platform=platform.platform(),
        versions={package: version(package) for package in PACKAGES},
        scenario=scenario.model_dump(mode="json"),
        seeds=seeds,
        designs=designs,
    )


def require_new(run_dir: Path) -> None:
    """Refuse a folder that holds a run already.

    Raises
    ------
    InputError
        If there is a manifest in it.
    """
    if (run_dir / FILE_NAME).exists():
        raise InputError(
            f"run folder must be new; got {str(run_dir)!r}, which holds a run. "
            f"Finish that one with --resume {run_dir}, or choose another --out."
        )


def save_manifest(manifest: Manifest, run_dir: Path) -> None:
    """Begin a run folder, which must be new."""
    require_new(run_dir)
    write_whole(run_dir / FILE_NAME, manifest.model_dump_json(indent=2))


def load_manifest(run_dir: Path) -> Manifest:
    """Read the manifest of a run folder.

    Raises
    ------
    InputError
        If there is none, or it is damaged; the folder is left as it was.
    """
    return read_model(Manifest, run_dir / FILE_NAME)
