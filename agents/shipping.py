"""Ship the best agent of a run folder with the package: `python -m agents.shipping RUN`.

What is shipped is a card and weights; neither runs code when it is read, and a few dozen kilobytes
hold both. The card says which command trained the agent and what every one of its seeds reached.
"""

import shlex
import sys
from pathlib import Path

from agents.card import CARD, TRAINING, Shipped, Training
from agents.finals import metric_for, play_finals
from agents.saving import SHIPPED, read_card
from agents.training import AGENT
from agents.weights import WEIGHTS
from edgegym.runs.files import read_model, write_whole

#: Options of a command that say where and how it was carried out, not what it trained.
ELSEWHERE = ("--out", "--jobs", "-j", "--data-dir")


def ship(run_dir: Path, to: Path = SHIPPED) -> Path:
    """Take the agent of a run folder that ends best, and say in its card how the others end.

    Parameters
    ----------
    run_dir : what `edgegym train` wrote, of some seeds
    to : the folder of shipped agents

    Returns
    -------
    The agent's folder, named by its algorithm and scenario
    """
    training = read_model(Training, run_dir / TRAINING)
    agents = {name: run_dir / name / AGENT for name in training.cards}
    agents = {name: folder for name, folder in agents.items() if folder.is_dir()}  # the finished
    reached = {name: play_finals(folder, read_card(folder)) for name, folder in agents.items()}
    best = min(reached, key=lambda name: reached[name])
    card = read_card(agents[best])
    shipped = Shipped(
        command=command_of(training), metric=metric_for(card), reached=[*reached.values()]
    )
    folder = to / f"{card.algo}-{card.scenario['name']}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes((agents[best] / WEIGHTS).read_bytes())
    text = card.model_copy(update={"shipped": shipped}).model_dump_json(indent=2)
    write_whole(folder / CARD, text + "\n")
    return folder


def command_of(training: Training) -> str:
    """Write the command that trained a run folder, without where and how it was written.

    Examples
    --------
    >>> words = "/bin/edgegym train --scenario mnist --out runs/a --seeds 3 --json".split()
    >>> command_of(Training(command=words, cards={}))
    'edgegym train --scenario mnist --seeds 3'
    """
    words, kept = iter(training.command[1:]), ["edgegym"]
    for word in words:
        if word in ELSEWHERE:
            next(words)
        elif word != "--json":
            kept.append(word)
    return shlex.join(kept)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(ship(Path(argument)))
