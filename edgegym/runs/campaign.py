"""A run folder from its beginning to its tables: what is planned ahead, and what is played."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd

from edgegym.errors import InputError
from edgegym.runs.manifest import AgentFile, Design, Manifest, require_new, save_manifest
from edgegym.runs.play import make_env
from edgegym.runs.players import Contender, find_contenders
from edgegym.runs.pool import TRAINING_MODULES, collect, play_designs, prepare, start_workers
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: Shows a bar under a description, and gives what moves it: how much is done, of how much.
Counting = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
#: The constants of (34) that a calibration measures.
CONSTANTS = (
    "pretrain_smoothness",
    "finetune_smoothness",
    "pretrain_gradient_variance",
    "finetune_gradient_variance",
    "initial_loss_gap",
    "data_lipschitz",
    "distribution_distance",
)
#: The paper's benchmark schemes, each at its certified best: scheme and method of a design.
BENCHMARKS = {
    name: (name, "exact")
    for name in ("fixed-power", "fixed-clock", "fixed-batch", "pretrain-only", "finetune-only")
}


def plan_design(
    scenario: Scenario,
    scheme: str,
    method: str,
    grid: int,
    changes: Mapping[str, float] | None = None,
) -> Design:
    """Plan one row of the table, in a scenario with these changes."""
    import baselines

    changed = scenario.replace(**changes or {})
    result = baselines.plan(changed, scheme=scheme, method=method, grid=grid)
    return Design(
        scheme=scheme,
        method=method,
        status=result.status,
        message=result.message,
        plan=json.loads(result.plan.to_json()) if result.plan else None,
        changes=dict(changes or {}),
    )


def find_plan(
    scenario: Scenario, scheme: str = "joint", method: str = "exact", grid: int = 6
) -> Plan:
    """Plan a scenario that must have one.

    Raises
    ------
    InputError
        Saying which budget is too small, if nothing fits.
    """
    import baselines

    result = baselines.plan(scenario, scheme=scheme, method=method, grid=grid)
    if result.plan is None:
        raise InputError(result.message)
    return result.plan


def require_a_plan(designs: dict[str, Design]) -> None:
    """Refuse budgets that allow none of the designs.

    Raises
    ------
    InputError
        With what is said of the first one.
    """
    if designs and all(design.plan is None for design in designs.values()):
        raise InputError(next(iter(designs.values())).message)


def require_a_round(scenario: Scenario) -> None:
    """Refuse budgets in which no round of either stage fits, where nothing is planned ahead.

    Raises
    ------
    InputError
        Saying which budget is too small, on the mean channel where it fades.
    """
    from baselines import SCHEMES
    from baselines.feasibility import explain_infeasibility, usable_stages

    ahead, joint = mean_channel(scenario), SCHEMES["joint"]
    usable = usable_stages(ahead, joint)
    if not (usable.pretrains or usable.finetunes):
        raise InputError(explain_infeasibility(ahead, joint))


def mean_channel(scenario: Scenario) -> Scenario:
    """Give what can be planned ahead of time: where the gains are drawn anew, their mean.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> mean_channel(fading).uplink_gain.tolist()
    [1e-05, 1e-05, 1e-05]
    """
    if scenario.channel_mode == "fixed":
        return scenario
    mean = np.full(scenario.n_devices, scenario.mean_path_gain).tolist()
    return scenario.replace(uplink_gain=mean, downlink_gain=mean)


def with_constants(scenario: Scenario, measured: Scenario) -> Scenario:
    """Take the constants of (34) from another scenario and leave the rest.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> mixed = with_constants(load_scenario("digits"), load_scenario("mnist"))
    >>> mixed.finetune_gradient_variance, mixed.delay_budget_s
    (100.0, 100.0)
    """
    return scenario.replace(**{key: getattr(measured, key) for key in CONSTANTS})


def carry_out(
    begun: Manifest,
    plan: Callable[[], dict[str, Design]] | None,
    run_dir: Path,
    *,
    find_agent: Callable[[AgentFile], Contender],
    jobs: int,
    backend: str,
    device: str,
    data_dir: str | None,
    tell: Callable[[str], object],
    counting: Counting,
) -> tuple[Manifest, pd.DataFrame, pd.DataFrame]:
    """Plan what a new run plays, or take up an old one, and play all that is missing.

    What is wrong with data, device or agents is said before a new folder is made.

    Parameters
    ----------
    begun : of an old run as it was read, of a new one without designs
    plan : makes a new run's designs; None for an old one
    run_dir : the run folder
    find_agent : lets a saved agent take part
    jobs, backend : in how many processes to play, or on what else
    device, data_dir : where to train, and where the data sets lie
    tell : called with where the training runs
    counting : shows how many episodes are played

    Returns
    -------
    Manifest, results with one row per episode, rounds with one per round
    """
    scenario, fidelity = begun.read_scenario(), begun.fidelity
    make_env(scenario, fidelity=fidelity)  # refuses what it cannot play
    agents = [find_agent(file) for file in begun.agents.values()]
    if plan is not None:
        require_new(run_dir)
    for agent in agents:  # what is wrong with one is said before all else
        env = make_env(scenario, fidelity=fidelity, rounds_per_step=agent.rounds_per_step)
        agent.make_policy(env)
    with start_workers(jobs, backend, TRAINING_MODULES if fidelity == "train" else ()) as pool:
        manifest = begun if plan is None else begun.model_copy(update={"designs": plan()})
        if fidelity == "train":
            tell(pool.submit(prepare, scenario, device, data_dir).result())
        if plan is not None:
            save_manifest(manifest, run_dir)
        contenders = find_contenders(manifest, find_agent)
        with counting("Playing") as on_progress:
            play_designs(
                pool,
                scenario,
                contenders,
                manifest.seeds,
                run_dir,
                fidelity=fidelity,
                device=device,
                data_dir=data_dir,
                on_progress=on_progress,
            )
    return manifest, *collect(contenders, manifest.seeds, run_dir)
