"""Constants on trial: the plans of every set of them, trained for real."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from edgegym.results.measures import measures_of
from edgegym.results.statistics import summarise
from edgegym.runs.designs import find_plan
from edgegym.runs.episodes import collect, play_designs
from edgegym.runs.players import plan_contender
from edgegym.studies.calibration.campaign import Campaign
from edgegym.studies.calibration.effective import Found
from edgegym.studies.calibration.sources import MEASURED
from edgegym.systems.two_stage import TWO_STAGE
from edgegym.systems.two_stage.constants import worst_case
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

TRAINED = ("test_loss", "test_loss_interval", "test_accuracy")


def plans_on_trial(
    scenario: Scenario, constants: Mapping[str, Found], emulator_file: Path | None
) -> dict[str, Plan]:
    """Plan with every set of constants: for (34), for its worst case, for bound "target".

    The measured ones also have a plan for what was measured at every round's progress, where there
    is an emulator that holds it.
    """
    import baselines

    plans = {}
    for source, (values, intervals) in constants.items():
        own = scenario.replace(**values, constant_intervals=intervals)
        plans[source] = find_plan(own)
        if intervals:
            plans[f"{source}, worst case"] = find_plan(worst_case(own))
            plans[f"{source}, bound target"] = find_plan(own, method="target")
    if emulator_file is not None:
        measured = scenario.replace(**constants[MEASURED].values)
        along = baselines.plan(measured, method="measured", emulator=emulator_file).plan
        plans |= {f"{MEASURED}, every round": along} if along else {}
    return plans


def try_constants(
    pool: Executor,
    campaign: Campaign,
    scenario: Scenario,
    plans: Mapping[str, Plan],
    run_dir: Path,
    where: Mapping[str, Any],
    on_progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Train plans of several sets of constants for real, all in the scenario's budgets."""
    contenders = {source: plan_contender(source, plan) for source, plan in plans.items()}
    seeds = list(range(campaign.seeds))
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
    results, *_ = collect(contenders, seeds, run_dir)
    rows = summarise(results, measures_of(TWO_STAGE)).set_index("design")
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
