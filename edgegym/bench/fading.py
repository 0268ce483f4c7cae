"""What planning again is worth when the channel changes every round."""

from collections.abc import Callable
from functools import partial
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from edgegym.results.statistics import interval95
from edgegym.runs.designs import find_plan
from edgegym.runs.workers import run_all, start_workers
from edgegym.scenario.channel import mean_channel
from edgegym.systems.two_stage.scenario import Scenario

POLICIES = ("mean_channel", "receding", "known_gains")


def fading_rows(
    scenario: Scenario,
    seeds: range,
    replan_every: int,
    jobs: int,
    on_progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Play and plan every seed's channels, drawn anew every round, in so many processes.

    Returns
    -------
    A row per seed: the bound and the fine-tuning rounds of every policy
    """
    fading, rows = scenario.replace(channel_mode="per-round"), dict[int, dict[str, Any]]()
    calls = {seed: partial(fading_row, fading, seed, replan_every) for seed in seeds}
    with start_workers(jobs) as pool:
        run_all(pool, calls, rows.__setitem__, on_progress)
    return [rows[seed] for seed in seeds]


def summarise_fading(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Compare the policies seed by seed; `interval95` is half of the interval's width."""
    better = [row["mean_channel"] - row["receding"] for row in rows]
    short = [row["receding"] / row["known_gains"] - 1 for row in rows]
    return {
        "mean_channel_minus_receding": mean(better),
        "mean_channel_minus_receding_interval95": interval95(pd.Series(better)),
        "receding_above_known_gains": mean(short),
        "least_receding_above_known_gains": min(short),
    }


def fading_row(scenario: Scenario, seed: int, replan_every: int) -> dict[str, Any]:
    """Play the mean channel's plan and the receding horizon, and plan with all gains known."""
    from baselines import SCHEMES
    from baselines.two_stage.fading import best_known_gains
    from baselines.two_stage.receding import receding_horizon
    from edgegym.envs.two_stage import TwoStageEdgeEnv
    from edgegym.runs.play import decide_policy, follow_plan, play
    from edgegym.systems.two_stage.channel import round_gains

    env = TwoStageEdgeEnv(scenario, fidelity="bound")
    planned = find_plan(mean_channel(scenario))
    receding = decide_policy(receding_horizon(scenario, replan_every=replan_every), env)
    fixed = play(env, follow_plan(planned, env), seed).final
    played = play(env, receding, seed).final
    near = planned.n_finetune_rounds
    n_known = min(int(1.2 * near) + 1, scenario.max_finetune_rounds)
    drawn = [round_gains(scenario, env.episode_seed, n) for n in range(n_known)]
    uplink, downlink = (np.stack(gains) for gains in zip(*drawn, strict=True))
    known = best_known_gains(
        scenario, SCHEMES["joint"], uplink_gain=uplink, downlink_gain=downlink, near=near
    )
    return {
        "seed": seed,
        "mean_channel": fixed["gradient_norm_bound"],
        "receding": played["gradient_norm_bound"],
        "known_gains": known.gradient_norm_bound if known else float("nan"),
        "mean_channel_rounds": fixed["n_finetune_rounds"],
        "receding_rounds": played["n_finetune_rounds"],
        "known_gains_rounds": len(known.finetune_batch_size) if known else 0,
        "receding_is_success": played["is_success"],
    }
