"""The page of a folder of `edgegym train`."""

import shlex
from pathlib import Path

import pandas as pd

from agents.card import CARD, TRAINING, AgentCard, Training
from edgegym.errors import InputError
from edgegym.report.page import Page
from edgegym.report.pictures import read_pictures
from edgegym.report.scenario import scenario_table
from edgegym.report.tables import Table, lay_out, read_table
from edgegym.runs.files import read_model
from edgegym.scenario.base import BaseScenario
from edgegym.systems.system import find_system, system_of


def training_page(run_dir: Path) -> Page:
    """Gather what a training's folder tells.

    Raises
    ------
    InputError
        If an agent is still to be trained, or a file is damaged.
    """
    training = read_model(Training, run_dir / TRAINING)
    again = f"edgegym train --resume {shlex.quote(str(run_dir))}"
    files = {name: run_dir / name / "agent" / CARD for name in training.cards}
    if missing := [name for name, file in files.items() if not file.exists()]:
        raise InputError(
            f"run folder must hold a finished training; got {str(run_dir)!r}, where "
            f"{missing[0]} has no agent. Finish it with `{again}`."
        )
    cards = {name: read_model(AgentCard, file) for name, file in files.items()}
    first, card = next(iter(cards.items()))
    scenario = find_system(card.system).scenario.parse(card.scenario, where=TRAINING)
    agents = "agent" if len(cards) == 1 else "agents"
    return Page(
        title=f"Agents trained: {scenario.name}",
        verdict=f"{len(cards)} {card.algo.upper()} {agents} trained on scenario {scenario.name} "
        f"at fidelity {card.fidelity}, each for {card.steps_done:,} steps of "
        f"{card.rounds_per_step} rounds, with reward {card.reward} and {card.budgets} budgets.",
        summary=[_ends(run_dir, cards, again, scenario)],
        pictures=read_pictures(run_dir),
        scenario=scenario_table(scenario, training.command),
        commands=[
            ("What made this folder", shlex.join(["edgegym", *training.command[1:]])),
            ("Finish it, or draw it anew", "edgegym train --resume RUN"),
            ("Rank its agents", f"edgegym evaluate --agent RUN/{first}/agent"),
            ("Make this page", "edgegym report RUN"),
        ],
        facts=[
            *((key, str(value)) for key, value in card.hyperparameters.items()),
            *card.versions.items(),
        ],
    )


def _ends(run_dir: Path, cards: dict[str, AgentCard], again: str, scenario: BaseScenario) -> Table:
    """Tell what every agent's last episodes ended with."""
    first = system_of(scenario).measures[0].name
    columns = ["steps", "validation_loss", first, "is_success"]
    rows = [
        {"agent": name, "seed": card.seed}
        | read_table(run_dir / name / "progress.csv", columns, again).iloc[-1][columns].to_dict()
        for name, card in cards.items()
    ]
    forms = {"steps": ",.0f", "is_success": ".0%", "seed": "d"}
    note = "Means over the last episodes of the training, in which agents still explore."
    return lay_out(pd.DataFrame(rows), "Where the training ended", forms, scenario, note=note)
