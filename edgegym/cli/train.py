"""`edgegym train`: agents on the lifecycle, with Stable-Baselines3."""

import re
from pathlib import Path
from typing import Annotated

import typer

from agents.card import TRAINING, Training
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    ScenarioName,
    Seed,
    SystemName,
    read_scenario,
)
from edgegym.cli.printing import progress_console
from edgegym.cli.progress import counting_each
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, new_run_dir, require_alone
from edgegym.cli.trained import report
from edgegym.errors import InputError
from edgegym.runs.files import read_model


def train(
    context: typer.Context,
    scenario: ScenarioName = None,
    system: SystemName = None,
    algo: Annotated[str, typer.Option("--algo", help="ppo, sac, td3 or tqc")] = "ppo",
    fidelity: Annotated[
        str | None,
        typer.Option(
            "--fidelity",
            help="curve, bound or train; else curve where there is one, bound with --devices.",
        ),
    ] = None,
    total_steps: Annotated[
        int | None,
        typer.Option("--total-steps", min=1, help="Else as tuned; with --resume, to go on to."),
    ] = None,
    n_envs: Annotated[int | None, typer.Option("--n-envs", min=1, help="Else as tuned.")] = None,
    rounds_per_step: Annotated[
        int, typer.Option("--rounds-per-step", min=1, help="Rounds that repeat an action.")
    ] = 10,
    reward: Annotated[
        str | None, typer.Option("--reward", help="log_loss, loss, accuracy, bound or log_latency")
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", help="hard or soft; else soft for (log_)latency alone."),
    ] = None,
    hyperparameters: Annotated[
        Path | None, typer.Option("--hyperparameters", help="A YAML file as RL Zoo has them.")
    ] = None,
    emulator: Annotated[
        Path | None, typer.Option("--emulator", help="What `edgegym calibrate` fitted.")
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices",
            metavar="FEWEST-MOST",
            help="One policy for any number of devices, trained on so many, as in 3-10.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many agents.")] = 1,
    jobs: Jobs = N_CORES,
    out: Out = None,
    resume: Resume = None,
    data_dir: DataDir = None,
    changes: Changes = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train one agent for each seed; checkpoints, TensorBoard logs and learning curves are kept.

    A killed training goes on from its last checkpoint with --resume, and a finished one trains
    longer with --resume and more --total-steps, all that it has learned and logged with it; open
    episodes begin anew, and a falling learning rate falls on from where it is.
    """
    from agents.beginning import make_cards
    from agents.together import begin, lengthen, train_all
    from agents.training import has_tensorboard

    require_alone(resume, context, also_free=["total_steps"])
    if resume:
        training, run_dir = read_model(Training, resume / TRAINING), resume
        training = lengthen(training, run_dir, total_steps) if total_steps else training
        cards = list(training.cards.values())
    else:
        checked = read_scenario(scenario, changes, system)
        cards = make_cards(
            checked,
            algo,
            list(range(seed, seed + seeds)),
            fidelity=fidelity,
            reward=reward,
            budgets=budgets,
            rounds_per_step=rounds_per_step,
            emulator=emulator,
            hyperparameters=hyperparameters,
            total_steps=total_steps,
            n_envs=n_envs,
            n_devices=_read_devices(devices),
        )
        run_dir = out or new_run_dir("train", checked.name)
        begin(cards, run_dir)
    if not has_tensorboard():
        progress_console.print('No TensorBoard logs; `pip install "edgegym[agents]"` brings it.')
    with counting_each() as on_progress:
        folders = train_all(cards, run_dir, jobs, data_dir, on_progress)
    report(cards, folders, run_dir, as_json)


def _read_devices(text: str | None) -> tuple[int, int] | None:
    """Read the fewest and the most devices."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(
            "--devices must be the fewest and the most, at least 1, with a dash between; got "
            f"{text!r}. For example --devices 3-10."
        )
    return int(found[1]), int(found[2])
