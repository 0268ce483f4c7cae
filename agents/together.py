"""Several agents trained at once, a process each, in folders of one run."""

import multiprocessing
import queue
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from agents.card import TRAINING, AgentCard, Training
from agents.saving import read_card
from agents.training import AGENT, steps_done, train_agent
from edgegym.errors import InputError
from edgegym.runs.files import write_whole
from edgegym.runs.manifest import require_new
from edgegym.runs.workers import start_workers


def begin(cards: Sequence[AgentCard], run_dir: Path) -> None:
    """Begin a run folder, which must be new, for what this command trains."""
    require_new(run_dir, TRAINING)
    named = {f"{card.algo}-seed{card.seed}": card for card in cards}
    training = Training(command=sys.argv, cards=named)
    write_whole(run_dir / TRAINING, training.model_dump_json(indent=2))


def train_all(
    cards: Sequence[AgentCard],
    run_dir: Path,
    jobs: int,
    data_dir: str | None,
    on_progress: Callable[[str, int, int], None],
) -> list[Path]:
    """Train every agent that has not done all its steps.

    Parameters
    ----------
    cards : of the agents
    run_dir : the run folder
    jobs : processes
    data_dir : where the data sets lie
    on_progress : called with an agent's folder's name, the steps it has done, and all there are

    Returns
    -------
    Each agent's folder
    """
    folders = [run_dir / f"{card.algo}-seed{card.seed}" for card in cards]
    todo = [
        (card, folder)
        for card, folder in zip(cards, folders, strict=True)
        if not (folder / AGENT).exists() or read_card(folder / AGENT).steps_done < card.total_steps
    ]
    with (
        multiprocessing.Manager() as manager,
        start_workers(min(jobs, len(todo) or 1), preload=["agents.training"]) as pool,
    ):
        steps, totals = manager.Queue(), {}
        for card, folder in todo:
            totals[folder.name] = card.total_steps
            on_progress(folder.name, 0, card.total_steps)
        futures = [pool.submit(_train_one, card, f, data_dir, steps) for card, f in todo]
        _follow(futures, steps, lambda name, done: on_progress(name, done, totals[name]))
    return folders


def _train_one(card: AgentCard, folder: Path, data_dir: str | None, steps: Any) -> None:
    def tell(done: int) -> None:
        steps.put((folder.name, done))

    train_agent(card, folder, data_dir=data_dir, on_progress=tell)


def _follow(futures: list[Future[None]], steps: Any, tell: Callable[[str, int], None]) -> None:
    while not all(future.done() for future in futures) or not steps.empty():
        with suppress(queue.Empty):
            tell(*steps.get(timeout=0.5))
    for future in futures:
        future.result()


def lengthen(training: Training, run_dir: Path, total_steps: int) -> Training:
    """Let every agent of a folder train to more steps in all.

    Raises
    ------
    InputError
        If one of them has done more already.
    """
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
