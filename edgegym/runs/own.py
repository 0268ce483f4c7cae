"""Policies of people's own, `module:function`, and the wrappers that agents see through."""

import ast
import hashlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from edgegym.envs.env import EdgeEnv
from edgegym.errors import InputError, unknown_name
from edgegym.runs.imports import MODULE_AND_NAME, import_named, in_words
from edgegym.systems.system import imported

WRAPPERS = "edgegym.wrappers"
#: What the names of agents begin with that come with the package.
SHIPPED_PREFIX = "shipped:"


def is_shipped(path: str) -> bool:
    """Tell the name of an agent that comes with the package.

    Examples
    --------
    >>> is_shipped("shipped:ppo-mnist"), is_function("shipped:ppo"), is_shipped("mine:ppo")
    (True, False, False)
    """
    return path.startswith(SHIPPED_PREFIX)


def is_function(path: str) -> bool:
    """Tell `module:function` from the path of a file.

    Examples
    --------
    >>> is_function("mine.agents:greedy"), is_function("runs/train/ppo-seed0/agent")
    (True, False)
    """
    is_one = MODULE_AND_NAME.fullmatch(path) is not None and not is_shipped(path)
    return is_one and not Path(path).exists()


def function_digest(where: str) -> str:
    """Name `module:function` by its name and what is in the module's own file.

    Raises
    ------
    InputError
        If there is none.
    """
    import_named("--agent", where)
    file = getattr(sys.modules[where.split(":")[0]], "__file__", None)
    source = Path(file).read_bytes() if file else b""
    return hashlib.sha256(where.encode() + source).hexdigest()[:12]


def follow_function(where: str, env: gym.Env[Any, Any]) -> Any:
    """Make the policy that somebody's own function makes for an environment.

    The function takes the environment, as it is played: wrapped where it asks for that, with
    `scenario`, `state` and `action_codec` in `env.unwrapped`. It returns a function of the last
    observation and info that gives the next action, and is called anew for every episode, in
    whichever process plays it.

    Parameters
    ----------
    where : "module:function"
    env : what it will play

    Raises
    ------
    InputError
        If there is no such function, it raises or returns no function; while it plays, if an
        action is none of the environment's.

    Examples
    --------
    >>> env = EdgeEnv("mnist", fidelity="bound")
    >>> policy = follow_function("edgegym.runs.players:random_policy", env)
    >>> policy(*env.reset(seed=3)).shape
    (12,)
    """
    make_policy = import_named("--agent", where)
    try:
        policy = make_policy(env)
    except InputError:
        raise
    except Exception as error:  # somebody's own code may raise anything
        raise InputError(
            f"agent {where!r} must make a policy of the environment that it takes; got "
            f"{in_words(error)}. Correct it."
        ) from None
    if not callable(policy):
        raise InputError(
            f"agent {where!r} must return a function of observation and info; got {policy!r}. "
            "Let it return one that gives the next action."
        )
    return partial(_decide, where, policy, env.action_space)


def _decide(
    where: str,
    policy: Any,
    space: gym.Space[Any],
    observation: NDArray[Any],
    info: dict[str, Any],
) -> Any:
    action = policy(observation, info)
    is_box = isinstance(space, gym.spaces.Box)
    fits = np.shape(action) == space.shape if is_box else space.contains(action)
    if not fits:
        raise InputError(
            f"agent {where!r} must decide on an action of {' '.join(str(space).split())}; got "
            f"{action!r}. Correct what it returns."
        )
    return action


def wrap(env: EdgeEnv, wrappers: Sequence[str]) -> gym.Env[Any, Any]:
    """Put wrappers around an environment, the first one innermost.

    Parameters
    ----------
    env : the environment
    wrappers : each a name of `edgegym.wrappers` or "module:Class", with arguments if it has any

    Raises
    ------
    InputError
        If there is no such wrapper, or it does not take the arguments or the environment.

    Examples
    --------
    >>> wrap(EdgeEnv("mnist", fidelity="bound"), ["DiscreteAction(levels=3)"]).action_space
    Discrete(28)
    """
    wrapped: gym.Env[Any, Any] = env
    for text in wrappers:
        make, arguments = _read_wrapper(text)
        try:
            wrapped = make(wrapped, **arguments)
        except InputError:
            raise
        except Exception as error:  # somebody's own code may raise anything
            raise InputError(
                f"--wrapper must be made of the environment and its arguments; got {text!r} "
                f"({in_words(error)}). Correct it."
            ) from None
        if getattr(wrapped, "unwrapped", None) is not env:
            raise InputError(
                f"--wrapper must be a wrapper of Gymnasium's; got {text!r}, which gives "
                f"{type(wrapped).__name__}. Correct it."
            )
    return wrapped


def _read_wrapper(text: str) -> tuple[Any, dict[str, Any]]:
    """Read a wrapper's class, and its arguments as Python writes them, without running them."""
    name, opened, rest = text.partition("(")
    try:
        call = ast.parse(f"f({rest}" if opened else "f()", mode="eval").body
        assert isinstance(call, ast.Call) and not call.args
        arguments = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (AssertionError, SyntaxError, ValueError):
        raise InputError(
            f"--wrapper must be a name, with arguments as in DiscreteAction(levels=3); got "
            f"{text!r}. Correct it."
        ) from None
    if MODULE_AND_NAME.fullmatch(name):
        return import_named("--wrapper", name), arguments
    known = imported(f"{WRAPPERS}:__all__")
    if name not in known:
        raise unknown_name("--wrapper", name, [*known, "module:Class"])
    return imported(f"{WRAPPERS}:{name}"), arguments
