"""From what is asked for to the cards of the agents that are to be trained."""

from pathlib import Path
from typing import Any

from agents.card import AgentCard
from agents.hyperparameters import (
    constructor_arguments,
    load_hyperparameters,
    normalize_arguments,
)
from agents.shared.layout import Layout
from agents.shared.policy import SHARED
from edgegym.envs.env import EdgeEnv
from edgegym.errors import InputError
from edgegym.lifecycle.reward import DELAY_REWARDS
from edgegym.runs.designs import require_a_round
from edgegym.systems.system import system_of

#: What the zoo alone is told in a file of hyperparameters.
OF_THE_ZOO = ("env_kwargs", "vec_env_wrapper")


def make_cards(
    scenario: Any,
    algo: str,
    seeds: list[int],
    *,
    fidelity: str | None = None,
    reward: str | None = None,
    budgets: str | None = None,
    rounds_per_step: int = 10,
    emulator: Path | None = None,
    hyperparameters: Path | None = None,
    total_steps: int | None = None,
    n_envs: int | None = None,
    n_devices: tuple[int, int] | None = None,
) -> list[AgentCard]:
    """Write a card for each seed; what is wrong is said before anything is written.

    Parameters
    ----------
    scenario : what is played, of any system
    algo : ppo, sac, td3 or tqc
    seeds : one agent each
    fidelity : None is `curve` where the system has an emulator and devices share no policy, else
        `bound`
    reward : None is `log_loss`, and at fidelity `bound` the system's first measure or `log_latency`
    budgets : None is `hard`; for a reward of latency, which a spent budget would not change, `soft`
    rounds_per_step, emulator : of the environment
    hyperparameters : a YAML file as RL Zoo has them, else the shipped ones
    total_steps, n_envs : None are as tuned
    n_devices : fewest and most devices, of one policy that they share; None is a policy of the
        scenario's own devices

    Raises
    ------
    InputError
        If the environment refuses an argument, there are no such hyperparameters, or hard budgets
        allow no round.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> (card,) = make_cards(load_scenario("partitioned-digits"), "ppo", [3])
    >>> card.seed, card.fidelity, card.reward, card.budgets
    (3, 'bound', 'log_latency', 'soft')
    """
    system = system_of(scenario)
    if n_devices and (algo != "ppo" or fidelity == "train"):
        what, rule, got = (
            ("algo", "ppo", algo) if algo != "ppo" else ("fidelity", "bound or curve", fidelity)
        )
        raise InputError(
            f"{what} must be {rule} where devices share a policy; got {got!r}. Leave it out, or "
            "leave out --devices."
        )
    tuned = load_hyperparameters(algo, hyperparameters, system.env_id, shared=bool(n_devices))
    tuned = {key: value for key, value in tuned.items() if key not in OF_THE_ZOO}
    tuned |= {"n_envs": n_envs} if n_envs else {}
    fidelity = fidelity or ("curve" if system.emulator and not n_devices else "bound")
    if reward is None:
        own = (*system.rules(scenario).rewards, "log_latency")
        reward = own[0] if fidelity == "bound" else "log_loss"
    env = EdgeEnv(scenario, fidelity, reward=reward, emulator=emulator, system=system.name)
    tuned |= _of_a_shared_policy(tuned, env) if n_devices else {}
    budgets = budgets or ("soft" if env.reward in DELAY_REWARDS else "hard")
    card = AgentCard(
        algo=algo,
        system=system.name,
        scenario=scenario.model_dump(mode="json"),
        fidelity=fidelity,
        budgets=budgets,
        reward=env.reward,
        rounds_per_step=rounds_per_step,
        emulator=str(emulator) if emulator else None,
        seed=0,
        total_steps=total_steps or int(tuned["n_timesteps"]),
        hyperparameters=tuned,
        n_devices=n_devices,
    )
    if budgets == "hard":
        require_a_round(scenario)
    EdgeEnv(**card.env_arguments)  # refuses the arguments that are left
    return [card.model_copy(update={"seed": seed}) for seed in seeds]


def _of_a_shared_policy(tuned: dict[str, Any], env: EdgeEnv) -> dict[str, Any]:
    """Say what is particular to a policy that devices share.

    Observations are left alone, as what is normal at one device would not be at another.
    """
    own = constructor_arguments(tuned).get("policy_kwargs", {})
    changed: dict[str, Any] = {"policy": SHARED}
    changed["policy_kwargs"] = {**own, "sizes": list(Layout(env).sizes)}
    if normalize := tuned.get("normalize"):
        changed["normalize"] = str({**normalize_arguments(normalize), "norm_obs": False})
    return changed
