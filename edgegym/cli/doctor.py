"""`edgegym doctor`: versions, threads, GPU, data and solver of this machine."""

import os
import platform
import sys
from importlib.metadata import version
from typing import Any

from edgegym.cli.options import AsJson, Changes, DataDir, ScenarioName, Seed, read_scenario
from edgegym.cli.printing import print_json, print_lines
from edgegym.results.numbers import number
from edgegym.runs.manifest import PACKAGES
from edgegym.systems.two_stage.scenario import Scenario


def doctor(
    scenario: ScenarioName = None,
    changes: Changes = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what this machine has, and whether planner and environment work on it."""
    report = _examine(read_scenario(scenario, changes, "two-stage"), seed, data_dir)
    if as_json:
        return print_json(report)
    print_lines(report)


def _examine(scenario: Scenario, seed: int, data_dir: str | None) -> dict[str, Any]:
    import torch

    import baselines
    from edgegym.learning.sources import find_data_dir
    from edgegym.runs.play import play_plan

    folder = find_data_dir(data_dir)
    planned = baselines.plan(scenario)
    gap = number(planned.gap, ".1e")
    played = "plays no plan, as there is none"
    if planned.plan is not None:
        episode = play_plan(scenario, planned.plan, seed, fidelity="bound")
        played = f"plays that plan, end code {episode.final['end_code']}"
    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{f"version of {package}": version(package) for package in PACKAGES},
        "cores": os.cpu_count(),
        "torch threads by default": torch.get_num_threads(),
        "GPU": torch.cuda.get_device_name() if cuda else "none; training runs on the CPU",
        "data folder": str(folder),
        "data sets there": ", ".join(_present(folder)) or "none; digits is embedded",
        "solver": f"Clarabel plans {scenario.name}: {planned.status}, gap {gap}",
        "environment": played,
        "standard output is a terminal": sys.stdout.isatty(),
    }


def _present(folder: Any) -> list[str]:
    marks = {"mnist": "MNIST/raw", "cifar10": "cifar-10-batches-py", "cinic10": "cinic10/train"}
    return [name for name, mark in marks.items() if (folder / mark).is_dir()]
