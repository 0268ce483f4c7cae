"""`edgegym train`: agents on the lifecycle, with Stable-Baselines3."""

import multiprocessing
import queue
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from agents.card import TRAINING, AgentCard, Training
from edgegym.cli.options import (
    AsJson,
    Changes,
    DataDir,
    ScenarioName,
    Seed,
    read_scenario,
)
from edgegym.cli.printing import progress_console
from edgegym.cli.progress import bars
from edgegym.cli.runs import N_CORES, Jobs, Out, Resume, new_run_dir, require_alone
from edgegym.cli.trained import report
from edgegym.errors import InputError
from edgegym.runs.designs import require_a_round
from edgegym.runs.files import read_model, write_whole
from edgegym.runs.manifest import require_new


def train(
    context: typer.Context,
    scenario: ScenarioName = "digits",
    algo: Annotated[str, typer.Option("--algo", help="ppo, sac, td3 or tqc")] = "ppo",
    fidelity: Annotated[str, typer.Option("--fidelity", help="curve, bound or train")] = "curve",
    total_steps: Annotated[
        int | None,
        typer.Option("--total-steps", min=1, help="Else as tuned; with --resume, to go on to."),
    ] = None,
    n_envs: Annotated[int | None, typer.Option("--n-envs", min=1, help="Else as tuned.")] = None,
    rounds_per_step: Annotated[
        int, typer.Option("--rounds-per-step", min=1, help="Rounds that repeat an action.")
    ] = 10,
    reward: Annotated[
        str | None, typer.Option("--reward", help="log_loss, loss, accuracy or bound")
    ] = None,
    budgets: Annotated[str, typer.Option("--budgets", help="hard or soft")] = "hard",
    hyperparameters: Annotated[
        Path | None, typer.Option("--hyperparameters", help="A YAML file as RL Zoo has them.")
    ] = None,
    emulator: Annotated[
        Path | None, typer.Option("--emulator", help="What `edgegym calibrate` fitted.")
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
    longer with --resume and more --total-steps: its weights, optimiser, normalisation, replay
    buffer, learning curve and logs go on. Episodes that were open begin anew, and a learning rate
    that falls to zero falls from where it is in the longer training.
    """
    from agents.hyperparameters import load_hyperparameters

    require_alone(resume, context, also_free=["total_steps"])
    if resume:
        training = read_model(Training, resume / TRAINING)
        if total_steps is not None:
            training = _lengthen(training, resume, total_steps)
        return _train_all(list(training.cards.values()), resume, jobs, data_dir, as_json)
    tuned = load_hyperparameters(algo, hyperparameters)
    tuned |= {"n_envs": n_envs} if n_envs else {}
    checked = read_scenario(scenario, changes)
    cards = [
        AgentCard(
            algo=algo,
            scenario=checked.model_dump(mode="json"),
            fidelity=fidelity,
            budgets=budgets,
            reward=reward or ("bound" if fidelity == "bound" else "log_loss"),
            rounds_per_step=rounds_per_step,
            emulator=str(emulator) if emulator else None,
            seed=number,
            total_steps=total_steps or int(tuned["n_timesteps"]),
            hyperparameters=tuned,
        )
        for number in range(seed, seed + seeds)
    ]
    if budgets == "hard":
        require_a_round(checked)
    _try(cards[0])
    run_dir = out or new_run_dir("train", checked.name)
    require_new(run_dir, TRAINING)
    training = Training(command=sys.argv, cards={f"{algo}-seed{card.seed}": card for card in cards})
    write_whole(run_dir / TRAINING, training.model_dump_json(indent=2))
    _train_all(cards, run_dir, jobs, data_dir, as_json)


def _lengthen(training: Training, run_dir: Path, total_steps: int) -> Training:
    """Let every agent of a folder train to more steps in all."""
    from agents.training import steps_done

    for name, card in training.cards.items():
        done = steps_done(run_dir / name)
        if total_steps < done and total_steps != card.total_steps:  # a last rollout goes beyond
            raise InputError(
                f"--total-steps must be at least the {done} steps that {name} has done; got "
                f"{total_steps}. Give more, or leave it out."
            )
    update = {"total_steps": total_steps}
    cards = {name: card.model_copy(update=update) for name, card in training.cards.items()}
    longer = training.model_copy(update={"cards": cards})
    write_whole(run_dir / TRAINING, longer.model_dump_json(indent=2))
    return longer


def _try(card: AgentCard) -> None:
    """Make one environment, so that what it refuses is said before anything is written."""
    from edgegym.envs.two_stage import TwoStageEdgeEnv

    TwoStageEdgeEnv(**card.env_arguments)


def _train_all(
    cards: Sequence[AgentCard], run_dir: Path, jobs: int, data_dir: str | None, as_json: bool
) -> None:
    from agents.saving import read_card
    from agents.training import AGENT, has_tensorboard
    from edgegym.runs.pool import start_workers

    if not has_tensorboard():
        progress_console.print('No TensorBoard logs; `pip install "edgegym[agents]"` brings it.')
    folders = [run_dir / f"{card.algo}-seed{card.seed}" for card in cards]
    todo = [
        (card, folder)
        for card, folder in zip(cards, folders, strict=True)
        if not (folder / AGENT).exists() or read_card(folder / AGENT).steps_done < card.total_steps
    ]
    with (
        multiprocessing.Manager() as manager,
        start_workers(min(jobs, len(todo) or 1), preload=["agents.training"]) as pool,
        bars() as progress,
    ):
        steps = manager.Queue()
        tasks = {str(f): progress.add_task(f.name, total=card.total_steps) for card, f in todo}
        futures = [pool.submit(_train_one, card, f, data_dir, steps) for card, f in todo]
        _follow(futures, steps, tasks, progress)
    report(cards, folders, run_dir, as_json)


def _train_one(card: AgentCard, folder: Path, data_dir: str | None, steps: Any) -> None:
    from agents.training import train_agent

    def tell(done: int) -> None:
        steps.put((str(folder), done))

    train_agent(card, folder, data_dir=data_dir, on_progress=tell)


def _follow(futures: list[Future[None]], steps: Any, tasks: dict[str, Any], bars: Progress) -> None:
    while not all(future.done() for future in futures) or not steps.empty():
        try:
            folder, done = steps.get(timeout=0.5)
            bars.update(tasks[folder], completed=done)
        except queue.Empty:
            pass
    for future in futures:
        future.result()
