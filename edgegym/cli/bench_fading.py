"""`edgegym bench fading`: what planning again is worth when the channel changes every round."""

import os
from statistics import mean
from typing import Annotated

import typer
from rich.table import Table

from edgegym.cli.options import AsJson, Changes, ScenarioName, Seed, read_scenario
from edgegym.cli.printing import print_json, print_table
from edgegym.cli.progress import counting
from edgegym.results.numbers import number, with_half_width
from edgegym.systems.two_stage.bound import bound_name


def bench_fading(
    scenario: ScenarioName = "mnist",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")] = 20,
    replan_every: Annotated[int, typer.Option("--replan-every", min=1, help="Rounds.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1)] = os.cpu_count() or 1,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compare three ways to plan under per-round fading, by the bound they end with.

    The plan for the mean channel, the receding horizon, and the optimum with all gains known ahead
    of time, which no policy can beat. Differences are paired: all meet the same channels.
    """
    from edgegym.bench.fading import POLICIES, fading_rows, summarise_fading

    checked, numbers = read_scenario(scenario, changes), range(seed, seed + seeds)
    with counting("Seeds") as on_progress:
        rows = fading_rows(checked, numbers, replan_every, jobs, on_progress)
    summary = summarise_fading(rows)
    if as_json:
        return print_json({"rows": rows, **summary})
    table = Table("policy", f"mean {bound_name(checked)}", "mean fine-tuning rounds")
    for policy in POLICIES:
        bound, rounds = (mean(row[key] for row in rows) for key in (policy, f"{policy}_rounds"))
        table.add_row(policy.replace("_", " "), number(bound, ".5f"), number(rounds, ".1f"))
    print_table(table)
    better, half_width, above, _ = summary.values()
    print(
        f"Planning again lowers the bound by {with_half_width(better, half_width, '.5f')} "
        f"(95 %, {seeds} paired seeds)\n"
        f"and ends {number(above, '.2%')} above the optimum with all gains known."
    )
