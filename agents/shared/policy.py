"""The network that devices share, as a policy of Stable-Baselines3's PPO."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.distributions import DiagGaussianDistribution
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from agents.hyperparameters import find_algorithm
from agents.shared.layout import Layout, Sizes
from edgegym.errors import InputError
from edgegym.runs.play import Policy, bare

#: What hyperparameters call it.
SHARED = "shared"


def find_policy(algo: str, name: str) -> Any:
    """Find a policy's class by the name that hyperparameters have for it."""
    return SharedPolicy if name == SHARED else find_algorithm(algo).policy_aliases[name]


def act_shared(player: Any, env: gym.Env[Any, Any], path: Path) -> Policy:
    """Let a shared policy, or the model that has it, decide without exploring.

    Raises
    ------
    InputError
        If it was made for what an older version showed.
    """
    policy: SharedPolicy = getattr(player, "policy", player)
    layout = Layout(bare(env))
    if policy.sizes != layout.sizes:
        raise InputError(
            f"agent {str(path)!r} must see and decide {tuple(layout.sizes)} numbers in common and "
            f"of each device; got {tuple(policy.sizes)}. Train one with this version."
        )
    policy.set_training_mode(False)

    def act(observation: NDArray[Any], info: dict[str, Any]) -> NDArray[Any]:
        with torch.no_grad():
            seen = torch.as_tensor(layout.show(observation[np.newaxis]))
            action = policy._predict(seen, deterministic=True)
        return layout.play(action.clamp(-1.0, 1.0).numpy())[0]

    return act


class SharedPolicy(ActorCriticPolicy):
    """An actor and a critic for any number of devices, which they treat alike.

    One network looks at each device beside what all have in common; mean and maximum over the
    devices sum them up; a head decides what concerns no device from that, and another one for each
    device from what it looked like and that. So relabelled devices get relabelled decisions, and
    the weights fit any number of places. Empty places count for nothing: neither in what is
    summed up nor in the probability of an action.

    Parameters
    ----------
    observation_space, action_space, lr_schedule : as every policy has them, of a `Layout`
    sizes : the layout's
    width : of every layer
    log_std_init : of the exploration, which all devices share for each part of their action
    more : as every policy has them
    """

    def __init__(
        self,
        observation_space: Any,
        action_space: Any,
        lr_schedule: Any,
        *,
        sizes: Sequence[int],
        width: int = 64,
        log_std_init: float = 0.0,
        **more: Any,
    ) -> None:
        self.sizes, self.width = Sizes(*sizes), width
        super().__init__(
            observation_space, action_space, lr_schedule, log_std_init=log_std_init, **more
        )

    def _build(self, lr_schedule: Any) -> None:
        networks = ActorAndCritic(self.sizes, self.width)
        self.mlp_extractor = networks  # type: ignore[assignment]
        self.value_net = nn.Identity()  # type: ignore[assignment]
        n_kinds = self.sizes.common_actions + self.sizes.device_actions
        self.log_std = nn.Parameter(torch.full((n_kinds,), self.log_std_init))
        networks.apply(partial(self.init_weights, gain=np.sqrt(2)))
        for head, gain in networks.heads():
            self.init_weights(head, gain)
        rate = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        self.optimizer = self.optimizer_class(self.parameters(), **rate)

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> DiagGaussianDistribution:
        """Spread the actions around their means; those of empty places have no probability."""
        means, counts = latent_pi.chunk(2, dim=1)
        common, device = self.log_std.split([self.sizes.common_actions, self.sizes.device_actions])
        n_places = (means.shape[1] - common.numel()) // max(device.numel(), 1)
        log_std = torch.cat([common, device.repeat(n_places)])
        return PlacesDistribution(counts).proba_distribution(means, log_std.expand_as(means))


class PlacesDistribution(DiagGaussianDistribution):
    """Independent Gaussians of which some do not count.

    Parameters
    ----------
    counts : (B, A), 1 for an entry of an action that counts, 0 for one of an empty place
    """

    def __init__(self, counts: Tensor) -> None:
        super().__init__(counts.shape[1])
        self._counts = counts

    def log_prob(self, actions: Tensor) -> Tensor:
        """Sum the log-probabilities of the entries that count, (B,)."""
        return (self.distribution.log_prob(actions) * self._counts).sum(dim=1)

    def entropy(self) -> Tensor:
        """Sum the entropies of the entries that count, (B,)."""
        return (self.distribution.entropy() * self._counts).sum(dim=1)


class ActorAndCritic(nn.Module):
    """Both networks, in the form in which a policy of Stable-Baselines3 calls them."""

    def __init__(self, sizes: Sizes, width: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.actor = SetNetwork(sizes, width)
        self.common_head = nn.Linear(width, sizes.common_actions)
        self.device_layer = BesideEach(width, width, width)
        self.device_head = nn.Linear(width, sizes.device_actions)
        # Stable-Baselines3's name for what no action depends on.
        self.value_net = nn.ModuleDict(
            {"critic": SetNetwork(sizes, width), "head": nn.Linear(width, 1)}
        )

    def heads(self) -> list[tuple[nn.Module, float]]:
        """Name the last layers, and how large their weights are at first."""
        return [(self.common_head, 0.01), (self.device_head, 0.01), (self.value_net["head"], 1.0)]

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Give what actor and critic say."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Give the mean of every entry of the action, and beside them whether each counts."""
        each, together, here = self.actor(features)
        devices = self.device_head(self.device_layer(each, together))
        common = self.common_head(together)
        counts = here.unsqueeze(2).expand_as(devices).flatten(1)
        return torch.cat([common, devices.flatten(1), torch.ones_like(common), counts], dim=1)

    def forward_critic(self, features: Tensor) -> Tensor:
        """Give the value, (B, 1)."""
        return self.value_net["head"](self.value_net["critic"](features)[1])


class SetNetwork(nn.Module):
    """What each device looks like, and all of them together, whatever their order and number."""

    def __init__(self, sizes: Sizes, width: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.look = BesideEach(sizes.device, sizes.common, width)
        self.each = nn.Sequential(nn.Linear(width, width), nn.Tanh())
        self.together = nn.Sequential(nn.Linear(sizes.common + 2 * width, width), nn.Tanh())

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look at observations of P places, (B, G + P (D + 1)).

        Returns
        -------
        Each place, (B, P, W); all together, (B, W); and 1 where a place holds a device, (B, P)
        """
        n_common, n_device = self.sizes[:2]
        n_places = (features.shape[1] - n_common) // (n_device + 1)
        common, places, here = features.split([n_common, n_places * n_device, n_places], dim=1)
        each = self.each(self.look(places.unflatten(1, (n_places, n_device)), common))
        seen = here.unsqueeze(2)
        mean = (each * seen).sum(dim=1) / seen.sum(dim=1)
        most = (each * seen + (seen - 1)).amax(dim=1)  # -1 is the least of a tanh
        return each, self.together(torch.cat([common, mean, most], dim=1)), here


class BesideEach(nn.Module):
    """A layer that looks at each device beside what they have in common, worked out once."""

    def __init__(self, n_each: int, n_common: int, width: int) -> None:
        super().__init__()
        self.each = nn.Linear(n_each, width, bias=False)
        self.common = nn.Linear(n_common, width)

    def forward(self, each: Tensor, common: Tensor) -> Tensor:
        """Look at places (B, P, n) beside what is common, (B, m)."""
        return torch.tanh(self.each(each) + self.common(common).unsqueeze(1))
