"""Tuned hyperparameters, in the YAML form of RL Baselines3 Zoo, and what they mean here."""

import ast
import math
from collections.abc import Callable
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import yaml

from edgegym.errors import InputError, unknown_name
from edgegym.runs.imports import MODULE_AND_NAME, import_named

#: Where each algorithm lives that has hyperparameters here; TQC needs the extra `agents`.
ALGORITHMS = {
    "ppo": "stable_baselines3.PPO",
    "sac": "stable_baselines3.SAC",
    "td3": "stable_baselines3.TD3",
    "tqc": "sb3_contrib.TQC",
}
#: Where the others live, by the names that RL Zoo has for them, and ppo_mask.
OTHERS = {
    **{name: f"stable_baselines3.{name.upper()}" for name in ("a2c", "ddpg", "dqn")},
    **{name: f"sb3_contrib.{name.upper()}" for name in ("ars", "trpo")},
    **{"crossq": "sb3_contrib.CrossQ", "qrdqn": "sb3_contrib.QRDQN"},
    **{"ppo_lstm": "sb3_contrib.RecurrentPPO", "ppo_mask": "sb3_contrib.MaskablePPO"},
}
ENV_ID = "TwoStageEdge-v0"
LINEAR = "lin_"
#: Keys that the zoo reads and no constructor takes.
ZOO_KEYS = (
    *("policy", "n_envs", "n_timesteps", "normalize", "env_kwargs", "vec_env_wrapper"),
    *("noise_type", "noise_std"),
)


def find_algorithm(name: str) -> Any:
    """Import an algorithm's class, by its name or as "module:Class".

    Raises
    ------
    InputError
        If there is no such algorithm, or its package is not installed.

    Examples
    --------
    >>> find_algorithm("ppo").__name__
    'PPO'
    """
    if MODULE_AND_NAME.fullmatch(name):
        found = import_named("algo", name)
        if not hasattr(found, "load"):
            raise InputError(
                f"algo must be a class that loads an archive; got {name!r}. Name an algorithm."
            )
        return found
    known = ALGORITHMS | OTHERS
    if name not in known:
        raise unknown_name("algo", name, [*known, "module:Class"])
    module, class_name = known[name].split(".")
    try:
        return getattr(import_module(module), class_name)
    except ImportError:
        raise InputError(
            f"algo {name!r} must have {module} installed; got none. "
            'Install it with `pip install "edgegym[agents]"`.'
        ) from None


def load_hyperparameters(
    algo: str, path: str | Path | None = None, env_id: str = ENV_ID, *, shared: bool = False
) -> dict[str, Any]:
    """Read an algorithm's hyperparameters: from a YAML file, else the shipped ones.

    Where none are shipped for an environment, they are those of the two-stage system. Of a policy
    that devices share there are others.

    Raises
    ------
    InputError
        If there is no such algorithm, or the file does not hold them.

    Examples
    --------
    >>> load_hyperparameters("ppo")["policy"]
    'MlpPolicy'
    """
    find_algorithm(algo)
    if path is None and algo not in ALGORITHMS:
        raise InputError(
            f"algo must be one of {', '.join(ALGORITHMS)} where no hyperparameters are given; got "
            f"{algo!r}. Give a YAML file with --hyperparameters."
        )
    shipped = Path(str(resources.files("agents"))) / "tuned" / f"{algo}{'-shared' * shared}.yml"
    file = Path(path) if path else shipped
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
        found = dict(entries[ENV_ID if path is None and env_id not in entries else env_id])
        if wrong := [key for key, value in found.items() if value != value]:
            raise ValueError(f"{wrong[0]} is not a number")
        return found
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"hyperparameter file must be YAML with an entry {env_id}; got {str(file)!r} "
            f"({type(error).__name__}: {error}). Start from {shipped}."
        ) from None


def constructor_arguments(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """Turn the zoo's form into what the algorithm's constructor takes.

    Examples
    --------
    >>> arguments = constructor_arguments(
    ...     {"n_envs": 4, "learning_rate": "lin_0.1", "policy_kwargs": "dict(net_arch=[64])"})
    >>> arguments["learning_rate"](0.5), arguments["policy_kwargs"]
    (0.05, {'net_arch': [64]})
    """
    arguments = {key: v for key, v in hyperparameters.items() if key not in ZOO_KEYS}
    for key, value in arguments.items():
        if isinstance(value, str) and value.startswith(LINEAR):
            arguments[key] = _falling_to_zero(key, value)
        elif isinstance(value, str) and value.startswith("dict("):
            arguments[key] = _read_dict(value)
    return arguments


def _falling_to_zero(key: str, text: str) -> Callable[[float], float]:
    """Read `lin_` and a number as a schedule of what remains of the training."""
    try:
        start = float(text.removeprefix(LINEAR))
    except ValueError:
        start = math.nan
    if not math.isfinite(start):
        raise InputError(
            f"{key} must be {LINEAR} and a finite number; got {text!r}. For example {LINEAR}0.001."
        )
    return lambda remaining: remaining * start


def _read_dict(text: str) -> dict[str, Any]:
    """Read `dict(name=literal, ...)` without running it."""
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call):
        raise InputError(f"policy_kwargs must be dict(...); got {text!r}. Correct it.")
    return {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}


def normalize_arguments(text: str | bool) -> dict[str, Any]:
    """Read the zoo's `normalize`: true, or a dictionary of VecNormalize's arguments as text."""
    return {} if text is True else dict(ast.literal_eval(str(text)))
