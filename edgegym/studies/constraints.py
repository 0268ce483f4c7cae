"""What keeping limits costs an agent: budgets that end an episode, or prices that it learns."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from edgegym.studies.study import Figures, Finding, Points, Study

#: Who is trained: an algorithm, and what holds it within its limits.
AGENTS = {
    "ppo, hard budgets": ("ppo", "hard"),
    "ppo, prices": ("ppo", "soft"),
    "sac, prices": ("sac", "soft"),
    "td3, prices": ("td3", "soft"),
}
#: Trains and plays one: of algorithm, budgets and seed.
Train = Callable[[str, str, int], Figures]


def settle(study: Study, points: Points, train: Train) -> Finding:
    """Train everybody on every seed, and set them beside the certified optimum."""
    import baselines

    calls = {
        f"{algo}-{budgets}-seed{seed}": partial(train, algo, budgets, seed)
        for algo, budgets in AGENTS.values()
        for seed in range(study.options["seeds"])
    }
    trained = points("agents", calls)
    scenario = study.read_scenario()
    planned = baselines.plan(scenario)
    rows = [
        {"contender": name, "seed": seed, **trained[f"{algo}-{budgets}-seed{seed}"]}
        for name, (algo, budgets) in AGENTS.items()
        for seed in range(study.options["seeds"])
    ]
    agents = pd.DataFrame(rows)
    metric = study.options["metric"]
    summary = summarise(agents, metric, planned.value, planned.lower_bound)
    return Finding({"agents": agents, "summary": summary}, {}, "summary", in_words(summary))


def summarise(agents: pd.DataFrame, metric: str, planned: float, optimum: float) -> pd.DataFrame:
    """Average every contender's seeds, the planner first.

    Returns
    -------
    A row for each: the figure, how far above the certified optimum it lies, the share of episodes
    that exceed a limit, without exploring and exploring, and the mean excess of all limits
    """
    costs = [name for name in ("delay", "energy", "power") if name in agents]
    told = agents.assign(excess=agents[costs].sum(axis="columns"))
    exploring = "violates_exploring"
    columns = [metric, "violates", *({exploring} & {*told}), "excess"]
    means = told.groupby("contender", sort=False)[columns].mean().reset_index()
    planner: Mapping[str, Any] = {
        "contender": "exact plan",
        metric: planned,
        "violates": 0.0,
        "excess": 0.0,
    }
    table = pd.concat([pd.DataFrame([planner]), means], ignore_index=True)
    table.insert(2, "above_optimum", table[metric] / optimum - 1)
    return table


def in_words(summary: pd.DataFrame) -> str:
    """Say who keeps the limits, and what that costs."""
    kept = summary[(summary["violates"] == 0) & (summary["contender"] != "exact plan")]
    if kept.empty:
        return "No agent keeps every limit on every seed."
    best = kept.sort_values("above_optimum").iloc[0]
    return (
        f"{len(kept)} of {len(summary) - 1} agents keep every limit on every seed; the best of "
        f"them, {best['contender']}, ends {best['above_optimum']:.2%} above the certified optimum."
    )
