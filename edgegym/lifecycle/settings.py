"""Settings: the arguments of an environment, whatever the system, checked."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edgegym.errors import InputError, as_path, unknown_name, whole_number
from edgegym.lifecycle.reward import LEARNING_REWARDS, reward_names
from edgegym.lifecycle.rules import Rules

Fidelity = Literal["train", "curve", "bound"]
Budgets = Literal["hard", "soft"]


@dataclass(frozen=True)
class Settings:
    """How a system is played, beside its scenario."""

    fidelity: str
    budgets: str
    reward: str
    rounds_per_step: int
    device: str
    data_dir: Path | None
    torch_threads: int | None
    emulator: str | Path | None
    network: Any
    data: Any


def check_settings(
    rules: Rules,
    *,
    fidelity: Any,
    budgets: Any,
    reward: Any,
    rounds_per_step: Any,
    device: Any,
    data_dir: Any,
    torch_threads: Any,
    emulator: Any,
    network: Any,
    data: Any,
) -> Settings:
    """Take an environment's arguments.

    Raises
    ------
    InputError
        Naming the argument, the rule and the value.
    """
    one_of("fidelity", fidelity, get_args(Fidelity))
    one_of("budgets", budgets, get_args(Budgets))
    for key, given in {"network": network, "data": data}.items():
        if given is not None and fidelity != "train":
            raise InputError(
                f"{key} must be left out at fidelity {fidelity!r}, where nothing is trained; got "
                f"{type(given).__name__}. Use fidelity='train'."
            )
    return Settings(
        fidelity,
        budgets,
        _reward(rules, fidelity, reward),
        whole_number("rounds_per_step", rounds_per_step),
        _device_name(device),
        None if data_dir is None else as_path("data_dir", data_dir),
        None if torch_threads is None else whole_number("torch_threads", torch_threads),
        emulator,
        network,
        data,
    )


def _reward(rules: Rules, fidelity: str, reward: Any) -> str:
    """Choose the reward: the loss, or where nothing is trained the system's first measure."""
    names = reward_names(rules)
    untrained = [name for name in names if name not in LEARNING_REWARDS]
    if reward is None:
        return untrained[0] if fidelity == "bound" else "loss"
    if one_of("reward", reward, names) not in untrained and fidelity == "bound":
        raise InputError(
            f"reward must be {' or '.join(map(repr, untrained))} at fidelity 'bound', where "
            f"nothing is trained; got {reward!r}. Use fidelity='train' or 'curve', or leave "
            "reward out."
        )
    return str(reward)


def one_of(key: str, value: Any, valid: Collection[str]) -> str:
    """Take one of a few names.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if not isinstance(value, str) or value not in valid:
        raise unknown_name(key, value, valid)
    return value


def _device_name(device: Any) -> str:
    """Take a name, or a torch.device as what it is called; torch need not be loaded for that."""
    kind = type(device)
    if isinstance(device, str) or (kind.__module__, kind.__name__) == ("torch", "device"):
        return str(device)
    raise InputError(
        f"device must be a name or a torch.device; got {device!r}. Give auto, cpu, cuda or cuda:N."
    )
