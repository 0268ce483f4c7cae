"""Registering systems, so that everything that is shared finds them."""

from typing import Any

import gymnasium as gym

from edgegym.systems.system import SYSTEMS, System, system_of


def register(system: System) -> None:
    """Take in a system: `gym.make` with its id, and `--system` with its name, then find it."""
    SYSTEMS[system.name] = system
    if system.env_id not in gym.registry:
        gym.register(
            system.env_id,
            entry_point=system.environment,
            vector_entry_point="edgegym.envs.vector:EdgeVectorEnv",
            kwargs={"system": system.name},
        )


def evaluate(plan: Any, scenario: Any, **gains: Any) -> Any:
    """Grade a plan with the referee of its scenario's system: costs and broken limits.

    Parameters
    ----------
    plan, scenario : of one system
    gains : as the system's referee takes them

    Returns
    -------
    The system's outcome, whose `violations` maps the key of each broken limit to its relative
    excess

    Raises
    ------
    InputError
        If the plan is not made for the scenario.

    Examples
    --------
    >>> from edgegym import Plan, load_scenario
    >>> plan = Plan.constant(n_pretrain_rounds=10, pretrain_batch_size=700, server_clock_hz=1.6e9,
    ...     n_finetune_rounds=0, finetune_batch_size=[1] * 3, device_clock_hz=[1e8] * 3,
    ...     device_tx_power_w=[0.1] * 3)
    >>> evaluate(plan, load_scenario("mnist")).total_delay_s
    4.375
    """
    return system_of(scenario).evaluate(plan, scenario, **gains)
