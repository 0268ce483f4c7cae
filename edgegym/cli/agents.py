"""Agents that take part: with a card of their own, or with what the command line says of them."""

import warnings
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym

from edgegym.cli.options import read_change
from edgegym.cli.printing import progress_console
from edgegym.errors import InputError, unknown_name
from edgegym.runs.manifest import AgentFile
from edgegym.runs.own import follow_function, function_digest, is_function, is_shipped
from edgegym.runs.play import Policy
from edgegym.runs.players import Contender

#: Arguments of the environment that an agent may have of its own; the others are the run's.
OWN_ARGUMENTS = ("budgets", "reward", "rounds_per_step")


def find_agents(
    paths: list[Path],
    algo: str | None = None,
    rounds_per_step: int | None = None,
    env_arguments: list[str] | None = None,
    wrappers: list[str] | None = None,
) -> dict[str, AgentFile]:
    """Label agents by their algorithm or function, numbered where there are several of one.

    Parameters
    ----------
    paths : archives or folders, "module:function", or "shipped:name"
    algo : of the archives that Stable-Baselines3 saved without a card
    rounds_per_step, env_arguments, wrappers : of these and of functions

    Raises
    ------
    InputError
        If there is no such agent, or one without a card but no algorithm for it, or the reverse.
    """
    environment = read_arguments(env_arguments)
    own = {"rounds_per_step": rounds_per_step, "environment": environment, "wrappers": wrappers}
    told: dict[str, Any] = {key: value for key, value in own.items() if value}
    bare = _without_card(paths, algo, told)
    files = [_agent_file(path, algo if path in bare else None, told) for path in paths]
    names = [file.algo or _own_name(path) for path, file in zip(paths, files, strict=True)]
    total, so_far, labelled = Counter(names), Counter[str](), {}
    for name, file in zip(names, files, strict=True):
        so_far[name] += 1
        labelled[name if total[name] == 1 else f"{name}-{so_far[name]}"] = file
    return labelled


def read_arguments(texts: list[str] | None) -> dict[str, Any]:
    """Read arguments of the environment, each KEY=VALUE.

    Raises
    ------
    InputError
        If one is no such pair, or its key is the run's.
    """
    return dict(map(_read_argument, texts or []))


def _read_argument(text: str) -> tuple[str, Any]:
    """Read an argument of the environment, KEY=VALUE."""
    if "=" not in text:
        raise InputError(f"--env must be KEY=VALUE; got {text!r}. For example --env budgets=soft.")
    key, value = read_change(text)
    if key not in OWN_ARGUMENTS:
        raise unknown_name("key of --env", key, OWN_ARGUMENTS)
    return key, value


def _without_card(paths: list[Path], algo: str | None, told: dict[str, Any]) -> list[Path]:
    """Find the archives that `--algo` is for; what is told must be for them or for functions."""
    if algo is None and not told:
        return []
    archives = [path for path in paths if not is_function(str(path))]
    bare = []
    if archives:
        from agents.saving import has_card

        bare = [path for path in archives if not has_card(path)]
    if (algo and not bare) or (told and not bare and len(archives) == len(paths)):
        raise InputError(
            "--algo, --rounds-per-step, --env and --wrapper must stand beside an --agent that has "
            "no card; got none without a card. Leave them out."
        )
    if bare and algo is None:
        raise InputError(
            "--algo must stand beside an --agent that has no card; got none. "
            "Add --algo ppo, for example."
        )
    if algo:
        from agents.hyperparameters import find_algorithm

        find_algorithm(algo)
    return bare


def _agent_file(path: Path, algo: str | None, told: dict[str, Any]) -> AgentFile:
    if is_function(str(path)):
        return AgentFile(path=str(path), digest=function_digest(str(path)), **told)
    from agents.saving import agent_digest, read_card

    if algo is None:
        read_card(path)  # which must be there
    where = str(path if is_shipped(str(path)) else path.resolve())
    digest = agent_digest(path)
    return AgentFile(path=where, digest=digest, algo=algo, **(told if algo else {}))


def _own_name(path: Path) -> str:
    """Name an agent that needs no algorithm: by its card's, or as it is called on the console."""
    if is_function(str(path)):
        return str(path)
    from agents.saving import is_shipped, read_card

    return str(path) if is_shipped(str(path)) else read_card(path).algo


def agent_contender(file: AgentFile) -> Contender:
    """Let an agent take part.

    Raises
    ------
    InputError
        If the file is not what it was when the run began.
    """
    path, is_own = Path(file.path), is_function(file.path)
    if is_own:
        digest = function_digest(file.path)
    else:
        from agents.saving import agent_digest, read_card

        digest = agent_digest(path)
    if digest != file.digest:
        raise InputError(
            f"agent {file.path!r} must be as it was when the run began, with digest {file.digest}; "
            f"got {digest}. Put that file back, or begin a new run."
        )
    if is_own:
        return Contender(file.path, partial(follow_function, file.path), digest, _arguments(file))
    make_policy = partial(follow_agent, path, file.algo)
    if file.algo is not None:
        return Contender(file.algo, make_policy, digest, _arguments(file))
    arguments = {"rounds_per_step": read_card(path).rounds_per_step}
    return Contender(_own_name(path), make_policy, digest, arguments)


def _arguments(file: AgentFile) -> dict[str, Any]:
    rounds = {"rounds_per_step": file.rounds_per_step} if file.rounds_per_step else {}
    return {**file.environment, **rounds, "wrappers": tuple(file.wrappers)}


def follow_agent(path: Path, algo: str | None, env: gym.Env[Any, Any]) -> Policy:
    """Make a saved agent's policy for an environment, on one torch thread."""
    import torch

    from agents.loading import AgentRunsCode, load_policy

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AgentRunsCode)  # the console says it once
        return load_policy(path, env, algo)


def warn_of_code(agents: Iterable[AgentFile]) -> None:
    """Say, before archives are loaded, that this is a matter of trust; weights run no code."""
    paths = [Path(agent.path) for agent in agents if not is_function(agent.path)]
    if not paths:
        return
    from agents.saving import runs_code

    if any(map(runs_code, paths)):
        progress_console.print("Agents can run code when they are loaded: play those you trust.")
