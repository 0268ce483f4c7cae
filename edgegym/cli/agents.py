"""Saved agents that take part: with a card of their own, or with what the command line says."""

import warnings
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from edgegym.cli.printing import progress_console
from edgegym.envs.env import EdgeEnv
from edgegym.errors import InputError
from edgegym.runs.manifest import AgentFile
from edgegym.runs.play import Policy
from edgegym.runs.players import Contender


def find_agents(
    paths: list[Path], algo: str | None = None, rounds_per_step: int | None = None
) -> dict[str, AgentFile]:
    """Label saved agents by their algorithm, numbered where there are several of one.

    Parameters
    ----------
    paths : archives or folders, or `shipped:` and a name
    algo, rounds_per_step : of the archives that Stable-Baselines3 saved without a card

    Raises
    ------
    InputError
        If there is no such agent, or one without a card but no algorithm for it, or the reverse.
    """
    bare = _without_card(paths, algo, rounds_per_step)
    if not paths:
        return {}
    from agents.saving import agent_digest, is_shipped, read_card

    algorithms = [algo if path in bare and algo else read_card(path).algo for path in paths]
    total, so_far = Counter(algorithms), Counter[str]()
    files = {}
    for path, algorithm in zip(paths, algorithms, strict=True):
        so_far[algorithm] += 1
        label = algorithm if total[algorithm] == 1 else f"{algorithm}-{so_far[algorithm]}"
        files[label] = AgentFile(
            path=str(path if is_shipped(path) else path.resolve()),
            digest=agent_digest(path),
            algo=algo if path in bare else None,
            rounds_per_step=rounds_per_step or 1 if path in bare else None,
        )
    return files


def _without_card(paths: list[Path], algo: str | None, rounds_per_step: int | None) -> list[Path]:
    """Find the archives that `--algo` is for; it must be for one."""
    if algo is None and rounds_per_step is None:
        return []
    from agents.hyperparameters import find_algorithm
    from agents.saving import has_card

    bare = [path for path in paths if not has_card(path)]
    if algo is None or not bare:
        raise InputError(
            "--algo and --rounds-per-step must stand beside an --agent that has no card, the first "
            f"of them always; got {'--rounds-per-step alone' if bare else 'none without a card'}. "
            f"{'Add --algo ppo, for example' if bare else 'Leave them out'}."
        )
    find_algorithm(algo)
    return bare


def agent_contender(file: AgentFile) -> Contender:
    """Let a saved agent take part.

    Raises
    ------
    InputError
        If the file is not what it was when the run began.
    """
    from agents.saving import agent_digest, read_card

    path = Path(file.path)
    if (digest := agent_digest(path)) != file.digest:
        raise InputError(
            f"agent {file.path!r} must be as it was when the run began, with digest {file.digest}; "
            f"got {digest}. Put that file back, or begin a new run."
        )
    if file.algo is None:
        card = read_card(path)
        name, rounds_per_step = card.algo, card.rounds_per_step
    else:
        name, rounds_per_step = file.algo, file.rounds_per_step or 1
    return Contender(name, partial(follow_agent, path, file.algo), digest, rounds_per_step)


def follow_agent(path: Path, algo: str | None, env: EdgeEnv) -> Policy:
    """Make a saved agent's policy for an environment, on one torch thread."""
    import torch

    from agents.saving import AgentRunsCode, load_policy

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgentRunsCode)  # the console says it once
        return load_policy(path, env, algo)


def warn_of_code(agents: Iterable[AgentFile]) -> None:
    """Say, before archives are loaded, that this is a matter of trust; weights run no code."""
    paths = [Path(agent.path) for agent in agents]
    if not paths:
        return
    from agents.saving import runs_code

    if any(map(runs_code, paths)):
        progress_console.print("Agents can run code when they are loaded: play those you trust.")
