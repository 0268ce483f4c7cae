"""`edgegym study constraints`: what keeping limits costs an agent."""

from functools import partial
from typing import Annotated, Any

import typer

from edgegym.cli.options import AsJson, Changes, ScenarioName, Seed, read_scenario
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, Seeds
from edgegym.cli.studying import carry_out

#: Where prices begin: at a few times what a budget is worth, as who begins at nothing learns to
#: overspend, and ends where that was cheapest to give up.
PRICES = {"multiplier": 2.0}


def constraints(
    context: typer.Context,
    scenario: ScenarioName = None,
    rounds_per_step: Annotated[
        int, typer.Option("--rounds-per-step", min=1, help="Rounds that repeat an action.")
    ] = 100,
    effort: Annotated[
        float, typer.Option("--effort", min=0.0, help="Steps of every agent by those tuned for it.")
    ] = 1.0,
    seeds: Seeds = 3,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train agents within hard budgets and with a price on each excess, at fidelity bound.

    Writes agents.csv and summary.csv: how far above the certified optimum they end, and how often
    they exceed a limit.
    """
    from edgegym.studies.constraints import settle
    from edgegym.studies.study import Finding, Points, Study

    del seed  # every command takes one; the agents' are 0, 1, ...

    def settle_with_agents(study: Study, points: Points) -> Finding:
        train = partial(_train, study.read_scenario(), study.options)
        return settle(study, points, train)

    carry_out(
        context,
        settle_with_agents,
        partial(_read, scenario, changes),
        {
            "seeds": seeds,
            "rounds_per_step": rounds_per_step,
            "effort": effort,
            "metric": "gradient_norm_bound",
        },
        out=out,
        resume=resume,
        jobs=jobs,
        as_json=as_json,
    )


def _read(scenario: str | None, changes: list[str] | None) -> Any:
    return read_scenario(scenario, changes, "two-stage")


def _train(
    scenario: Any, options: dict[str, Any], algo: str, budgets: str, seed: int
) -> dict[str, Any]:
    from agents.beginning import make_cards
    from agents.constrained import train_and_play
    from agents.finals import EPISODES

    (tuned,) = make_cards(
        scenario,
        algo,
        [seed],
        fidelity="bound",
        budgets=budgets,
        rounds_per_step=options["rounds_per_step"],
    )
    steps = max(1, int(options["effort"] * tuned.total_steps))
    card = tuned.model_copy(update={"total_steps": steps})
    return train_and_play(card, PRICES, EPISODES)
