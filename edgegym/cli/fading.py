"""`edgegym bench fading`: what planning again is worth when the channel changes every round."""

import os
import statistics
from concurrent.futures import as_completed
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.table import Table

from edgegym.cli.contenders import find_plan, mean_channel
from edgegym.cli.options import (
    AsJson,
    Changes,
    ScenarioName,
    Seed,
    read_scenario,
)
from edgegym.cli.printing import number, print_json, print_table, with_half_width
from edgegym.cli.progress import counting
from edgegym.systems.two_stage.scenario import Scenario


def bench_fading(
    scenario: ScenarioName = "mnist",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")] = 20,
    replan_every: Annotated[int, typer.Option("--replan-every", min=1, help="Rounds.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1)] = os.cpu_count() or 1,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compare three ways to plan under per-round fading, by the bound (34) they end with.

    The plan for the mean channel, the receding horizon, and the optimum with all gains known ahead
    of time, which no policy can beat. Differences are paired: all meet the same channels.
    """
    from edgegym.results.statistics import interval95
    from edgegym.runs.pool import start_workers

    checked = read_scenario(scenario, changes).replace(channel_mode="per-round")
    with start_workers(jobs) as pool, counting("Seeds") as on_progress:
        futures = [
            pool.submit(fading_row, checked, number, replan_every)
            for number in range(seed, seed + seeds)
        ]
        on_progress(0, seeds)
        for n_done, _ in enumerate(as_completed(futures), 1):
            on_progress(n_done, seeds)
    rows = [future.result() for future in futures]
    better = [row["mean_channel"] - row["receding"] for row in rows]
    short = [row["receding"] / row["known_gains"] - 1 for row in rows]
    summary = {
        "mean_channel_minus_receding": statistics.mean(better),
        "mean_channel_minus_receding_interval95": interval95(pd.Series(better)),
        "receding_above_known_gains": statistics.mean(short),
        "least_receding_above_known_gains": min(short),
    }
    if as_json:
        return print_json({"rows": rows, **summary})
    table = Table("policy", "mean bound (34)", "mean fine-tuning rounds")
    for policy in ("mean_channel", "receding", "known_gains"):
        bound = statistics.mean(row[policy] for row in rows)
        rounds = statistics.mean(row[f"{policy}_rounds"] for row in rows)
        table.add_row(policy.replace("_", " "), number(bound, ".5f"), number(rounds, ".1f"))
    print_table(table)
    half_width = summary["mean_channel_minus_receding_interval95"]
    lower = with_half_width(statistics.mean(better), half_width, ".5f")
    print(
        f"Planning again lowers the bound by {lower} (95 %, {seeds} paired seeds)\n"
        f"and ends {number(statistics.mean(short), '.2%')} above the optimum "
        "with all gains known."
    )


def fading_row(scenario: Scenario, seed: int, replan_every: int) -> dict[str, Any]:
    """Play the mean channel's plan and the receding horizon, and plan with all gains known."""
    from baselines import SCHEMES
    from baselines.two_stage.fading import best_known_gains
    from baselines.two_stage.receding import receding_policy
    from edgegym.envs.two_stage import TwoStageEdgeEnv
    from edgegym.runs.play import plan_policy, play
    from edgegym.systems.two_stage.channel import round_gains

    env = TwoStageEdgeEnv(scenario, fidelity="bound")
    planned = find_plan(mean_channel(scenario))
    codecs = env.action_codec, env.observation_codec
    receding = receding_policy(scenario, *codecs, replan_every=replan_every)
    fixed = play(env, plan_policy(planned, env.action_codec), seed).final
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
