"""What is compared: a name, and how to make the policy that plays under it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gymnasium.spaces import Box
from numpy.typing import NDArray

from edgegym.envs.env import EdgeEnv
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.runs.manifest import AgentFile, Manifest
from edgegym.runs.play import Policy, PolicyFactory, decide_policy, follow_plan
from edgegym.systems.system import imported

#: The policy that every system has.
RANDOM = "random"


@dataclass(frozen=True)
class Contender:
    """A planner or an agent, as other processes can play it.

    Parameters
    ----------
    name : the row of the table; agents of one algorithm share it
    make_policy : makes the policy for an environment; pickled, so of functions at module level
    digest : names the episode files; contenders that play alike have the same one
    arguments : of the environment that are its own, such as the rounds for which it repeats an
        action, and the `wrappers` that it sees through
    changes : of the scenario, for this contender alone
    """

    name: str
    make_policy: PolicyFactory
    digest: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, float] = field(default_factory=dict)


def plan_contender(name: str, plan: Any, changes: Mapping[str, float] | None = None) -> Contender:
    """Let a plan take part, in a scenario with these changes.

    Examples
    --------
    >>> from edgegym import Plan
    >>> plan = Plan.constant(n_pretrain_rounds=2, pretrain_batch_size=8, server_clock_hz=1e9,
    ...                      n_finetune_rounds=3, finetune_batch_size=[4, 4],
    ...                      device_clock_hz=[1e8, 2e8], device_tx_power_w=[0.1, 0.2])
    >>> plan_contender("joint", plan).digest == plan_contender("again", plan).digest
    True
    """
    played = plan.to_json() + (json.dumps(changes, sort_keys=True) if changes else "")
    digest = hashlib.sha256(played.encode()).hexdigest()[:12]
    return Contender(name, partial(follow_plan, plan), digest, changes=changes or {})


def random_policy(env: EdgeEnv) -> Policy:
    """Make the policy that draws every action evenly from the action space.

    Where stages can be left, a quarter of its draws do, so that its episodes end after a few
    rounds. The draws depend on the episode's seed and the rounds done alone.

    Examples
    --------
    >>> env = EdgeEnv("mnist", fidelity="bound")
    >>> policy = random_policy(env)
    >>> first, again = (policy(*env.reset(seed=3)) for _ in range(2))
    >>> bool((first == again).all()), first in env.action_space
    (True, True)
    """
    space, limits = env.action_space, env.rules.round_limits
    assert isinstance(space, Box)

    def act(observation: NDArray[Any], info: dict[str, Any]) -> NDArray[Any]:
        index = sum(limits[: info["stage"]]) + info["round"]
        rng = keyed_generator(env.episode_seed, Stream.ACTION, index)
        return rng.uniform(space.low, space.high).astype(space.dtype)

    return act


def policy_contender(name: str) -> Contender:
    """Let the random policy take part, or one of a system's own, which decides of the state."""
    return Contender(name, random_policy if name == RANDOM else partial(follow_policy, name), name)


def follow_policy(name: str, env: EdgeEnv) -> Policy:
    """Make one of a system's own policies for an environment."""
    return decide_policy(imported(env.system.policies[name])(env.scenario), env)


def find_contenders(
    manifest: Manifest, find_agent: Callable[[AgentFile], Contender]
) -> dict[str, Contender]:
    """Make everyone who plays in a run, by the design's name: plans, policies, agents.

    Parameters
    ----------
    manifest : of the run
    find_agent : lets a saved agent take part, as run folders know agents by their files alone
    """
    plans = {
        name: plan_contender(name, plan, manifest.designs[name].changes)
        for name, plan in manifest.read_plans().items()
    }
    policies = {name: policy_contender(name) for name in manifest.policies}
    agents = {label: find_agent(file) for label, file in manifest.agents.items()}
    return plans | policies | agents
