"""What a figure of the paper is planned from: every scheme at every point, or every distance."""

import shlex
from itertools import product
from pathlib import Path

import pandas as pd

from edgegym.errors import InputError
from edgegym.runs.designs import plan_design, require_a_plan
from edgegym.runs.manifest import Design, Manifest, load_manifest
from edgegym.systems.two_stage.channel import round_gains
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

#: W(P',P) of Fig. 6; only its product with the scenario's `data_lipschitz` enters (34).
DISTANCES = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0)


def load_figure(run_dir: Path, number: int) -> Manifest:
    """Read the manifest of a run that has this figure's episodes; Figs. 2 and 3 share theirs.

    Raises
    ------
    InputError
        If the folder holds another figure, or none.
    """
    known = load_manifest(run_dir, "figure")
    if known.figure != number and {known.figure, number} != {2, 3}:
        raise InputError(
            f"run folder must hold Fig. {number}; got {str(run_dir)!r}, which holds Fig. "
            f"{known.figure}. Finish it with "
            f"`edgegym figure {known.figure} --resume {shlex.quote(str(run_dir))}`."
        )
    return known


def plan_points(scenario: Scenario, points: list[dict[str, float]]) -> dict[str, Design]:
    """Plan every scheme at every point.

    Raises
    ------
    InputError
        If the budgets allow none of them.
    """
    from baselines import SCHEMES

    designs = {}
    for changes in points:
        where = "".join(f" @ {key}={value:g}" for key, value in changes.items())
        for scheme in SCHEMES:
            designs[scheme + where] = plan_design(scenario, scheme, "exact", 6, changes)
    require_a_plan(designs)
    return designs


def plan_distances(scenario: Scenario, seeds: list[int]) -> pd.DataFrame:
    """Plan every scheme over the distance of the data, on drawn channels and the scenario's own.

    Returns
    -------
    One row per channel, scheme and distance: what either stage takes of delay and energy

    Raises
    ------
    InputError
        If the joint design does not fit.
    """
    import baselines

    fading = scenario.replace(channel_mode="per-episode")
    gains = {str(seed): round_gains(fading, seed, 0) for seed in seeds}
    gains = {"scenario": (scenario.uplink_gain, scenario.downlink_gain)} | gains
    rows = []
    for channel, scheme, distance in product(gains, baselines.SCHEMES, DISTANCES):
        uplink, downlink = (part.tolist() for part in gains[channel])
        met = scenario.replace(uplink_gain=uplink, downlink_gain=downlink)
        result = baselines.plan(met.replace(distribution_distance=distance), scheme)
        if result.plan is None and scheme == "joint":
            raise InputError(result.message)
        if result.plan is not None:
            row = {"channel": channel, "scheme": scheme, "distribution_distance": distance}
            rows.append(row | stage_totals(result.plan, met))
    return pd.DataFrame(rows)


def stage_totals(plan: Plan, scenario: Scenario) -> dict[str, float]:
    """Add up what either stage of a plan takes of delay and energy."""
    outcome = evaluate(plan, scenario)
    return {
        f"{stage}_{quantity}": float(getattr(rounds, quantity).sum())
        for stage, rounds in (
            ("pretrain", outcome.pretrain_rounds),
            ("finetune", outcome.finetune_rounds),
        )
        for quantity in ("delay_s", "energy_j")
    }
