"""What an agent plays by, as plain numbers: a safetensors file, which runs no code when it is read.

Critics, optimisers and replay buffers, which only training needs, are left out.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from agents.card import AgentCard
from agents.hyperparameters import constructor_arguments
from agents.shared.layout import Layout
from agents.shared.policy import find_policy
from edgegym.envs.env import EdgeEnv
from edgegym.errors import InputError

WEIGHTS = "policy.safetensors"
#: Of whose names the tensors begin that no action depends on.
UNPLAYED = ("value_net", "mlp_extractor.value_net", "critic", "actor_target", "actor.log_std")
#: What normalises observations: (n,), (n,) and ().
MEAN, DEVIATION, LIMIT = (f"observation.{name}" for name in ("mean", "deviation", "limit"))


def save_weights(model: BaseAlgorithm, file: Path) -> None:
    """Write what an agent plays by: its policy's weights, and what normalises its observations."""
    tensors = _played(model.policy)
    envs = model.get_vec_normalize_env()
    if envs is not None and envs.norm_obs:
        seen: Any = envs.obs_rms
        tensors[MEAN] = torch.as_tensor(seen.mean)
        tensors[DEVIATION] = torch.as_tensor(np.sqrt(seen.var + envs.epsilon))
        tensors[LIMIT] = torch.tensor(envs.clip_obs, dtype=torch.float64)
    save_file(tensors, file)


def load_weights(file: Path, card: AgentCard) -> BasePolicy:
    """Make an agent's policy from its card, and give it its weights.

    Raises
    ------
    InputError
        If the file is damaged, or holds other tensors than the card's policy has.
    """
    policy, tensors = _untrained(card), _read(file)
    wanted = _played(policy)
    if wrong := {*_shapes(tensors).items()} ^ {*_shapes(wanted).items()}:
        name = min(wrong)[0]
        raise InputError(
            f"agent file {str(file)!r} must hold what the policy of its card has; got "
            f"{_shapes(tensors).get(name, 'no')} numbers as {name}, where "
            f"{_shapes(wanted).get(name, 'no')} are wanted. Put card and weights of one agent "
            "beside each other."
        )
    policy.load_state_dict(tensors, strict=False)
    policy.set_training_mode(False)
    return policy


def as_it_is(observation: Any) -> Any:
    """Leave an observation alone, where nothing normalises it."""
    return observation


def load_normaliser(file: Path) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Read how an agent's observations are normalised; without statistics they stay as they are."""
    statistics = _read(file, statistics=True)
    if not statistics:
        return as_it_is
    mean, deviation, limit = (statistics[key].numpy() for key in (MEAN, DEVIATION, LIMIT))

    def normalise(observation: NDArray[Any]) -> NDArray[Any]:
        clipped = np.clip((observation - mean) / deviation, -limit, limit)
        return np.asarray(clipped, dtype=np.float32)

    return normalise


def _read(file: Path, statistics: bool = False) -> dict[str, torch.Tensor]:
    """Read the tensors of the policy, or those that normalise observations."""
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(
            f"agent file {str(file)!r} must be whole; got {type(error).__name__}: {error}. Train "
            "the agent again, or take an earlier checkpoint."
        ) from None
    names = (MEAN, DEVIATION, LIMIT)
    return {name: value for name, value in tensors.items() if (name in names) == statistics}


def _untrained(card: AgentCard) -> BasePolicy:
    """Make the policy of an agent as its training began with, for the spaces of its scenario."""
    arguments, env = constructor_arguments(card.hyperparameters), EdgeEnv(**_bare(card))
    spaces = Layout(env) if card.n_devices else env
    kind = find_policy(card.algo, card.hyperparameters["policy"])
    own = {"use_sde": True} if arguments.get("use_sde") else {}
    policy: BasePolicy = kind(
        spaces.observation_space,
        spaces.action_space,
        lambda remaining: 0.0,
        **own,
        **arguments.get("policy_kwargs", {}),
    )
    return policy


def _bare(card: AgentCard) -> dict[str, Any]:
    """Say which environment has the spaces; at fidelity `train` nothing is loaded to make it."""
    return {"system": card.system, "scenario": card.scenario, "fidelity": "train"}


def _played(policy: torch.nn.Module) -> dict[str, torch.Tensor]:
    state = policy.state_dict()
    return {name: state[name].contiguous() for name in state if not name.startswith(UNPLAYED)}


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
