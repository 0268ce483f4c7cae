"""The best that is possible under block fading: every round planned for the gains it meets."""

from collections.abc import Callable
from typing import Any

from baselines.door import plan
from edgegym.lifecycle.state import State


def plan_every_round(scenario: Any, *, scheme: str | None = None) -> Callable[[State], Any]:
    """Decide every round by planning it with its own gains, which are seen before it.

    Rounds are alike but for their gains, and nothing is carried over: the least latency of every
    round is the most rounds within a delay budget.

    Parameters
    ----------
    scenario : what is played, of a system whose planner takes the gains of a round
    scheme : of the planner; its best where none is named

    Returns
    -------
    A function of the state of one copy that gives the next decision

    Examples
    --------
    >>> import gymnasium, edgegym
    >>> env = gymnasium.make("PartitionedEdge-v0", fidelity="bound").unwrapped
    >>> _ = env.reset(seed=0)
    >>> int(plan_every_round(env.scenario)(env.state).block_size.sum())
    7850
    """
    # What is left of the budgets decides no round, only whether it is run.
    endless = scenario.replace(delay_budget_s=1e12, energy_budget_j=None)

    def decide(state: State) -> Any:
        gains = {"uplink_gain": state.draw.uplink_gain, "downlink_gain": state.draw.downlink_gain}
        result = plan(endless, scheme, **gains)
        assert result.plan is not None
        return result.plan.decision(state)

    return decide
