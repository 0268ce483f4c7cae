"""Which page a folder gets: that of a run, of a training or of a calibration."""

from pathlib import Path

from agents.card import TRAINING
from edgegym.errors import InputError
from edgegym.report.calibration import CALIBRATION, calibration_page
from edgegym.report.page import render
from edgegym.report.run import run_page
from edgegym.report.training import training_page
from edgegym.runs.manifest import FILE_NAME

PAGES = {FILE_NAME: run_page, TRAINING: training_page, CALIBRATION: calibration_page}


def report(run_dir: Path) -> str:
    """Write the page of a folder; the same folder gives the same text.

    Raises
    ------
    InputError
        If there is no such folder, it holds nothing to report, is not finished, or is damaged.
    """
    if not run_dir.is_dir():
        raise InputError(
            f"run folder must exist; got {str(run_dir)!r}. `edgegym compare` makes one below runs/."
        )
    for name, make_page in PAGES.items():
        if (run_dir / name).exists():
            return render(make_page(run_dir))
    raise InputError(
        f"run folder must hold {', '.join(PAGES)}; got {str(run_dir)!r}, which holds none of them. "
        "Give a folder of edgegym compare, evaluate, figure, train or calibrate."
    )
