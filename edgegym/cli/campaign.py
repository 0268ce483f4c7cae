"""A calibration's run folder: what is recorded, fitted, measured and played there."""

import math
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from edgegym.cli.printing import progress_console
from edgegym.cli.progress import counting
from edgegym.errors import InputError
from edgegym.runs.campaign import CONSTANTS, find_plan
from edgegym.runs.files import read_model, write_figure, write_whole
from edgegym.scenario.document import shipped_scenarios
from edgegym.scenario.fields import Finite
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario, parse_scenario

if TYPE_CHECKING:
    import pandas as pd

    from edgegym.studies.calibration.recording import Recording

CAMPAIGN = "calibration.json"
TRAINED = ("test_loss", "test_loss_interval", "test_accuracy")
#: Plans that the emulator and the effective constants take at least.
LEAST_FITTED = 2
#: Where the constants of (34) come from.
SHIPPED, MEASURED, EFFECTIVE = "shipped", "measured", "effective"


class Campaign(BaseModel):
    """What is calibrated, and on how many runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: list[str]
    scenario: dict[str, Any]
    seed: int
    plans: int
    tests: int
    repeats: int
    percentile: Annotated[Finite, Field(ge=0, le=100)]
    seeds: int

    def read_scenario(self) -> Scenario:
        """Check and freeze the scenario anew."""
        return parse_scenario(self.scenario, where=CAMPAIGN)

    def runs(self) -> list[tuple[int, int]]:
        """List what is recorded as (plan, repeat); the first plans are for testing."""
        tested = [(plan, repeat) for repeat in range(self.repeats) for plan in range(self.tests)]
        return [(plan, 0) for plan in range(self.tests, self.plans)] + tested


def carry_out(
    campaign: Campaign, run_dir: Path, jobs: int, device: str, data_dir: str | None
) -> dict[str, Any]:
    """Record, fit, measure, plan and play; what lies in the folder is not done again.

    Returns
    -------
    The report, plain data
    """
    from edgegym.runs.pool import TRAINING_MODULES, prepare, start_workers
    from edgegym.studies.calibration.effective import rank_agreement
    from edgegym.studies.calibration.fitting import fit_emulator
    from edgegym.studies.calibration.pictures import plot_constants, plot_verdict
    from edgegym.studies.calibration.verdict import judge, verdict

    scenario, where = campaign.read_scenario(), {"device": device, "data_dir": data_dir}
    with start_workers(jobs, preload=TRAINING_MODULES) as pool:
        progress_console.print(pool.submit(prepare, scenario, device, data_dir).result())
        recorded = _record(pool, campaign, scenario, run_dir, where)
        fitted, tested = _shared_out(campaign, recorded)
        if len(fitted) < LEAST_FITTED or not tested:
            raise InputError(
                f"calibration must have {LEAST_FITTED} plans to fit and one to test whose training "
                f"did not diverge; got {len(fitted)} and {len(tested)} of {campaign.plans}. Begin "
                "a new one with a lower learning_rate, or with more --plans."
            )
        with progress_console.status("Fitting the emulator"):
            emulator = fit_emulator(scenario, fitted)
        table = judge(emulator, tested)
        looks = pool.submit(_look, scenario, run_dir, campaign.seed, where).result()
        distance = pool.submit(_distance, scenario, where).result()
        constants = _constants(campaign, scenario, fitted, looks, distance)
        plans = _play(pool, campaign, scenario, constants, run_dir, where)
    name, firsts = scenario.name, [runs[0] for runs in tested]
    write_whole(run_dir / "emulator.json", emulator.model_dump_json(indent=1))
    write_whole(run_dir / "test-plans.csv", table.to_csv(index=False))
    _write_scenarios(campaign, scenario, constants, run_dir)
    picture = plot_verdict(table, f"Emulator of {name} on plans that were not fitted")
    write_figure(run_dir / "emulator.png", picture)
    write_figure(run_dir / "constants.png", plot_constants(looks, f"Constants of (34), {name}"))
    return {
        "scenario": name,
        "run": str(run_dir),
        "emulator": verdict(table),
        "bound_rank_correlation": {
            source: rank_agreement(scenario.replace(**values), firsts, table["real_loss"].tolist())
            for source, values in constants.items()
        },
        "constants": constants,
        "plans": plans,
    }


def _shared_out(
    campaign: Campaign, recorded: Mapping[tuple[int, int], "Recording"]
) -> tuple[list["Recording"], list[list["Recording"]]]:
    """Tell the runs to fit from those to test on, plan by plan; what diverged tells neither."""
    whole = {key: run for key, run in recorded.items() if math.isfinite(run.target_loss[-1])}
    fitted = [run for (plan, _), run in whole.items() if plan >= campaign.tests]
    by_plan = [
        [whole[plan, repeat] for repeat in range(campaign.repeats) if (plan, repeat) in whole]
        for plan in range(campaign.tests)
    ]
    return fitted, [runs for runs in by_plan if runs]


def _constants(
    campaign: Campaign,
    scenario: Scenario,
    fitted: list["Recording"],
    looks: "pd.DataFrame",
    distance: float,
) -> dict[str, dict[str, float]]:
    """Gather the constants of (34) as they are shipped, measured and effective."""
    from edgegym.studies.calibration.effective import effective_constants, measured_constants

    losses = [loss for run in fitted for loss in run.target_loss]
    shipped = {key: float(getattr(scenario, key)) for key in CONSTANTS}
    return {
        SHIPPED: shipped,
        MEASURED: measured_constants(
            looks,
            loss_gap=max(losses) - min(losses),
            distance=distance,
            percentile=campaign.percentile,
        ),
        EFFECTIVE: shipped | effective_constants(scenario, fitted),
    }


def _record(
    pool: Executor,
    campaign: Campaign,
    scenario: Scenario,
    run_dir: Path,
    where: Mapping[str, Any],
) -> dict[tuple[int, int], "Recording"]:
    from edgegym.runs.pool import run_all
    from edgegym.studies.calibration.recording import Recording, record_plan

    files = {run: run_dir / "recordings" / f"{run[0]}-{run[1]}.json" for run in campaign.runs()}
    missing = {run: file for run, file in files.items() if not file.exists()}
    calls = {
        file: partial(record_plan, scenario, campaign.seed, *run, **where)
        for run, file in missing.items()
    }
    with counting("Recording") as on_progress:
        run_all(pool, calls, _write, on_progress, n_before=len(files) - len(missing))
    advice = "Delete it, and --resume records the plan again."
    return {run: read_model(Recording, file, advice) for run, file in files.items()}


def _write(file: Path, recording: "Recording") -> None:
    write_whole(file, recording.model_dump_json())


def _look(scenario: Scenario, run_dir: Path, seed: int, where: Mapping[str, Any]) -> Any:
    """Measure the constants along the training of the exact plan, once for a folder."""
    import pandas as pd

    from edgegym.studies.calibration.constants import measure_along

    file = run_dir / "constants.csv"
    if not file.exists():
        looks = measure_along(scenario, find_plan(scenario), seed, **where)
        write_whole(file, pd.DataFrame(looks).to_csv(index=False))
    return pd.read_csv(file)


def _distance(scenario: Scenario, where: Mapping[str, Any]) -> float:
    from edgegym.studies.calibration.constants import stage_distance

    return stage_distance(scenario, **where)


def _play(
    pool: Executor,
    campaign: Campaign,
    scenario: Scenario,
    constants: Mapping[str, Mapping[str, float]],
    run_dir: Path,
    where: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Train the exact plan of every set of constants for real, all in the real budgets."""
    from edgegym.results.statistics import summarise
    from edgegym.runs.players import plan_contender
    from edgegym.runs.pool import collect, play_designs

    plans = {source: find_plan(scenario.replace(**values)) for source, values in constants.items()}
    contenders = {source: plan_contender(source, plan) for source, plan in plans.items()}
    seeds = list(range(campaign.seeds))
    with counting("Playing") as on_progress:
        play_designs(
            pool,
            scenario,
            contenders,
            seeds,
            run_dir,
            fidelity="train",
            on_progress=on_progress,
            **where,
        )
    results, _ = collect(contenders, seeds, run_dir)
    rows = summarise(results).set_index("design")
    return [
        {
            "constants": source,
            "n_pretrain_rounds": plan.n_pretrain_rounds,
            "n_finetune_rounds": plan.n_finetune_rounds,
            "batches": _batches(plan),
            **{key: rows.loc[source, key] for key in TRAINED},
        }
        for source, plan in plans.items()
    ]


def _batches(plan: Plan) -> str:
    """Write the first round's batches of either stage."""
    return "; ".join(
        " ".join(str(int(size)) for size in first.ravel())
        for first in (plan.pretrain_batch_size[:1], plan.finetune_batch_size[:1])
    )


def _write_scenarios(
    campaign: Campaign,
    scenario: Scenario,
    constants: Mapping[str, Mapping[str, float]],
    run_dir: Path,
) -> None:
    from edgegym.studies.calibration.effective import calibrated_text

    if scenario.name not in shipped_scenarios():
        return  # a file of the user's, which is theirs to change; report.json has the values
    reasons = {
        MEASURED: f"percentile {campaign.percentile:g} of what a training run showed",
        EFFECTIVE: "(34) then ranks recorded runs most like their losses",
    }
    for source, why in reasons.items():
        changed = {
            key: value
            for key, value in constants[source].items()
            if value != constants[SHIPPED][key]
        }
        text = calibrated_text(scenario, source, changed, why)
        write_whole(run_dir / f"{scenario.name}-{source}.toml", text)
