"""A calibration from its recordings to its report: recorded, fitted, measured and tried."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from edgegym.errors import InputError
from edgegym.runs.campaign import Counting
from edgegym.runs.designs import find_plan
from edgegym.runs.episodes import TRAINING_MODULES, prepare
from edgegym.runs.files import read_model, write_figure, write_whole
from edgegym.runs.workers import run_all, start_workers
from edgegym.studies.calibration.along import with_bound_noise
from edgegym.studies.calibration.campaign import LEAST_FITTED, Campaign
from edgegym.studies.calibration.constants import measure_along, stage_distance
from edgegym.studies.calibration.descent import Descent, descend_along
from edgegym.studies.calibration.effective import Found
from edgegym.studies.calibration.fitting import fit_emulator
from edgegym.studies.calibration.pictures import plot_constants, plot_verdict
from edgegym.studies.calibration.ranking import rank_agreement
from edgegym.studies.calibration.recording import Recording, record_plan
from edgegym.studies.calibration.sources import gather_constants, write_scenarios
from edgegym.studies.calibration.trial import plans_on_trial, try_constants
from edgegym.studies.calibration.verdict import judge, verdict
from edgegym.systems.two_stage.scenario import Scenario

#: The schemes of whose exact plans the trainings are looked at.
JOINT, ALONE = "joint", "finetune-only"


def carry_out(
    campaign: Campaign,
    run_dir: Path,
    *,
    jobs: int,
    device: str,
    data_dir: str | None,
    tell: Callable[[str], object],
    counting: Counting,
) -> dict[str, Any]:
    """Record, fit, measure, plan and play; what lies in the folder is not done again.

    Parameters
    ----------
    campaign : what is calibrated
    run_dir : the run folder
    jobs : processes
    device, data_dir : where to train, and where the data sets lie
    tell : called with where the training runs
    counting : shows how much is done of each kind of work

    Returns
    -------
    The report, plain data

    Raises
    ------
    InputError
        If the training of too many plans diverged.
    """
    scenario = campaign.read_scenario()
    where: dict[str, Any] = {"device": device, "data_dir": data_dir}
    with start_workers(jobs, preload=TRAINING_MODULES) as pool:
        tell(pool.submit(prepare, scenario, device, data_dir).result())
        with counting("Recording") as on_progress:
            recorded = _record(pool, campaign, scenario, run_dir, where, on_progress)
        fitted, tested = _shared_out(campaign, recorded)
        if len(fitted) < LEAST_FITTED or not tested:
            raise InputError(
                f"calibration must have {LEAST_FITTED} plans to fit and one to test whose training "
                f"did not diverge; got {len(fitted)} and {len(tested)} of {campaign.plans}. Begin "
                "a new one with a lower learning_rate, or with more --plans."
            )
        with counting("Fitting the emulator") as on_progress:
            on_progress(0, 1)
            emulator = fit_emulator(scenario, fitted)
            on_progress(1, 1)
        table = judge(emulator, tested)
        with counting("Measuring") as on_progress:
            looks, descents = _look(pool, campaign, scenario, run_dir, where, on_progress)
        distance = pool.submit(stage_distance, scenario, **where).result()
        joint = looks[looks["scheme"] == JOINT]
        found = gather_constants(campaign, scenario, fitted, joint, distance, descents)
        constants = {source: each.values for source, each in found.items()}
        emulator = with_bound_noise(emulator, looks)
        file = run_dir / "emulator.json"
        write_whole(file, emulator.model_dump_json(indent=1))
        on_trial = plans_on_trial(scenario, found, file if emulator.has_bound_noise else None)
        with counting("Playing") as on_progress:
            plans = try_constants(pool, campaign, scenario, on_trial, run_dir, where, on_progress)
    _write_files(campaign, scenario, table, joint, found, run_dir)
    firsts = [runs[0] for runs in tested]
    report = {
        "scenario": scenario.name,
        "run": str(run_dir),
        "emulator": verdict(table),
        "bound_rank_correlation": {
            source: rank_agreement(scenario.replace(**values), firsts, table["real_loss"].tolist())
            for source, values in constants.items()
        },
        "target_rank_correlation": {
            source: rank_agreement(
                scenario.replace(**values, bound="target"), firsts, table["real_loss"].tolist()
            )
            for source, values in constants.items()
        },
        "constants": constants,
        "intervals": {source: each.intervals for source, each in found.items()},
        "plans": plans,
    }
    write_whole(run_dir / "report.json", json.dumps(report, indent=2))
    return report


def _record(
    pool: Executor,
    campaign: Campaign,
    scenario: Scenario,
    run_dir: Path,
    where: Mapping[str, Any],
    on_progress: Callable[[int, int], None],
) -> dict[tuple[int, int], Recording]:
    files = {run: run_dir / "recordings" / f"{run[0]}-{run[1]}.json" for run in campaign.runs()}
    missing = {run: file for run, file in files.items() if not file.exists()}
    calls = {
        file: partial(record_plan, scenario, campaign.seed, *run, **where)
        for run, file in missing.items()
    }
    run_all(pool, calls, _write, on_progress, n_before=len(files) - len(missing))
    advice = "Delete it, and --resume records the plan again."
    return {run: read_model(Recording, file, advice) for run, file in files.items()}


def _write(file: Path, recording: Recording) -> None:
    write_whole(file, recording.model_dump_json())


def _shared_out(
    campaign: Campaign, recorded: Mapping[tuple[int, int], Recording]
) -> tuple[list[Recording], list[list[Recording]]]:
    """Tell the runs to fit from those to test on, plan by plan; what diverged tells neither."""
    whole = {key: run for key, run in recorded.items() if math.isfinite(run.target_loss[-1])}
    fitted = [run for (plan, _), run in whole.items() if plan >= campaign.tests]
    by_plan = [
        [whole[plan, repeat] for repeat in range(campaign.repeats) if (plan, repeat) in whole]
        for plan in range(campaign.tests)
    ]
    return fitted, [runs for runs in by_plan if runs]


def _look(
    pool: Executor,
    campaign: Campaign,
    scenario: Scenario,
    run_dir: Path,
    where: Mapping[str, Any],
    on_progress: Callable[[int, int], None],
) -> tuple[pd.DataFrame, list[list[Descent]]]:
    """Measure the constants and the descent along trainings of exact plans, once for a folder.

    The constants are those of the joint plan; beside it, fine-tuning alone shows its noise before
    anything is learned. The descent is that of pre-training; where the joint plan has none, of the
    plan that only pre-trains.
    """
    plans = {scheme: find_plan(scenario, scheme) for scheme in (JOINT, ALONE)}
    descended = plans[JOINT]
    if not descended.n_pretrain_rounds:
        descended = find_plan(scenario, "pretrain-only")
    seeds = range(campaign.seed, campaign.seed + campaign.seeds)
    runs = [(scheme, seed) for scheme in plans for seed in seeds]
    along = {run: run_dir / "constants" / f"{run[0]}-seed{run[1]}.csv" for run in runs}
    down = {seed: run_dir / "descent" / f"seed{seed}.csv" for seed in seeds}
    calls: dict[Path, Callable[[], Sequence[NamedTuple]]] = {
        file: partial(measure_along, scenario, plans[scheme], seed, **where)
        for (scheme, seed), file in along.items()
    }
    calls |= {
        file: partial(descend_along, scenario, descended, seed, **where)
        for seed, file in down.items()
    }
    missing = {file: call for file, call in calls.items() if not file.exists()}
    n_before = len(calls) - len(missing)
    run_all(pool, missing, _write_rows, on_progress, n_before=n_before)
    looks = pd.concat(
        pd.read_csv(file).assign(scheme=scheme, seed=seed) for (scheme, seed), file in along.items()
    )
    descents = [
        [Descent._make(row) for row in pd.read_csv(file).itertuples(index=False)]
        for file in down.values()
    ]
    return looks, descents


def _write_rows(file: Path, rows: Sequence[NamedTuple]) -> None:
    write_whole(file, pd.DataFrame(rows).to_csv(index=False))


def _write_files(
    campaign: Campaign,
    scenario: Scenario,
    table: pd.DataFrame,
    looks: pd.DataFrame,
    constants: Mapping[str, Found],
    run_dir: Path,
) -> None:
    """Write what was fitted and measured, and its pictures."""
    name = scenario.name
    write_whole(run_dir / "test-plans.csv", table.to_csv(index=False))
    write_scenarios(campaign, scenario, constants, run_dir)
    picture = plot_verdict(table, f"Emulator of {name} on plans that were not fitted")
    write_figure(run_dir / "emulator.png", picture)
    write_figure(run_dir / "constants.png", plot_constants(looks, f"Constants of (34), {name}"))
