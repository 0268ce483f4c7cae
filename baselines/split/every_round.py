"""Every round's shares planned for the gains that it meets, at the split of the joint plan."""

from collections.abc import Callable

from baselines.split.planner import plan
from baselines.split.shares import plan_shares
from edgegym.errors import InputError
from edgegym.lifecycle.state import State
from edgegym.scenario.channel import mean_channel
from edgegym.systems.split.decision import SplitDecision
from edgegym.systems.split.scenario import SplitScenario


def plan_every_round(scenario: SplitScenario) -> Callable[[State], SplitDecision]:
    """Split as is best over the mean channel, and share the bands anew every round.

    With a split and a batch that stay, nothing is carried over but the number of rounds, so that
    the shortest round each time is the most rounds within a delay budget.

    Parameters
    ----------
    scenario : what is played

    Returns
    -------
    A function of the state of one copy that gives the next decision

    Raises
    ------
    InputError
        If there is no plan over the mean channel.

    Examples
    --------
    >>> import gymnasium, edgegym
    >>> env = gymnasium.make("SplitEdge-v0", fidelity="bound").unwrapped
    >>> _ = env.reset(seed=0)
    >>> plan_every_round(env.scenario)(env.state).batch_size
    8.0
    """
    result = plan(mean_channel(scenario))
    if result.plan is None:
        raise InputError(result.message)
    best = result.plan

    def decide(state: State) -> SplitDecision:
        gains = state.draw.uplink_gain, state.draw.downlink_gain
        shares = plan_shares(scenario, best.layer, best.rank, best.batch_size, *gains)
        return SplitDecision(best.layer, best.rank, float(best.batch_size), *shares)

    return decide
