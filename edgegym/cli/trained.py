"""What `edgegym train` tells at its end: how good the agents are, and how they came there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from agents.card import AgentCard
from edgegym.cli.printing import print_json, print_table
from edgegym.results.numbers import number
from edgegym.runs.files import write_figure
from edgegym.scenario.channel import mean_channel
from edgegym.systems.system import find_system, system_of


def report(
    cards: Sequence[AgentCard], folders: Sequence[Path], run_dir: Path, as_json: bool
) -> None:
    """Draw the learning curves, and let every agent play without exploring beside the planners."""
    import pandas as pd

    from agents.finals import metric_for
    from agents.saving import read_card
    from agents.training import AGENT, PROGRESS
    from edgegym.results.learning_curves import plot_learning
    from edgegym.results.measures import known_measures

    card, metric = cards[0], metric_for(cards[0])
    scenario = find_system(card.system).scenario.parse(card.scenario, where="the agent's card")
    measure = known_measures(scenario)[metric]
    courses = [pd.read_csv(f / PROGRESS).assign(agent=f.name) for f in folders]
    references = _references(card, scenario, metric)
    title = f"{card.algo.upper()} on scenario {scenario.name}, fidelity {card.fidelity}"
    picture = plot_learning(pd.concat(courses), measure, title, references)
    write_figure(run_dir / "learning-curve.png", picture)
    rows = [
        {"agent": str(f / AGENT), **_taken(read_card(f / AGENT))}
        | _played(f / AGENT, one, references)
        for f, one in zip(folders, cards, strict=True)
    ]
    if as_json:
        return print_json(
            {"scenario": scenario.name, "run": str(run_dir), "rows": rows, **references}
        )
    headings = ("agent", "steps", "cpu s", measure.heading)
    table = Table(*headings, *(f"above {r}" for r in references))
    for row in rows:
        cells = [number(row.get(f"above_{r}"), "+.2%") for r in references]
        value = number(row.get(metric), ".5f")
        taken = number(row["steps"]), number(row["cpu_s"], ".0f")
        table.add_row(Path(str(row["agent"])).parent.name, *taken, value, *cells)
    print_table(table)
    print(f"Written to {run_dir}: agents, checkpoints and learning-curve.png")


def _taken(card: AgentCard) -> dict[str, float]:
    """Say what the training has taken, in steps and in seconds of a processor."""
    return {"steps": card.steps_done, "cpu_s": card.cpu_s}


def _references(card: AgentCard, scenario: Any, metric: str) -> dict[str, float]:
    """Find what planners reach, where playing them takes no training."""
    import baselines
    from agents.finals import mean_final
    from edgegym.runs.play import play_plan

    planned = baselines.plan(scenario)
    if planned.plan is None or card.fidelity == "train" or mean_channel(scenario) is not scenario:
        return {}
    if card.fidelity == "bound":
        if system_of(scenario).bounds_episodes:
            return {"certified optimum": planned.lower_bound}
        return {"planner's plan": planned.value}
    played = [play_plan(scenario, planned.plan, seed, fidelity="curve") for seed in range(10)]
    return {"paper's plan": mean_final(played, metric)}


def _played(folder: Path, card: AgentCard, references: dict[str, float]) -> dict[str, float]:
    """Let an agent that no longer explores play, where that takes no training."""
    from agents.finals import metric_for, play_finals

    if card.fidelity == "train":
        return {}
    mean = play_finals(folder, card)
    above = {f"above_{name}": mean / value - 1 for name, value in references.items()}
    return {metric_for(card): mean} | above
