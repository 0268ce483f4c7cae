"""The joint optimum: one assignment problem a step, and a proof that nothing is left to gain.

Within a time T a pair needs its least share of the band, whatever the others do, so that T is
enough if the matching with the least sum of shares needs no more than the band. That sum falls with
T: where it is below one, the best shares of this matching are done earlier, and the next T is just
before that. No bisection is needed, and with the last step nothing is left: every matching needs
more than the band. One block a device makes this polynomial, an assignment problem a step.
"""

from scipy.optimize import linear_sum_assignment

from baselines.cooperative.crunch import crunch
from baselines.cooperative.problem import Allocation, Matching, Problem
from edgegym.physics import Array

#: By how much a matching is to be done earlier than the best one so far, relative.
MARGIN = 1e-9


def least_sum(cost: Array) -> tuple[Matching, float] | None:
    """Find the matching with the least sum of costs (N, K), None where none is finite.

    Examples
    --------
    >>> import numpy as np
    >>> matching, cost = least_sum(np.array([[1.0, 3.0], [2.0, np.inf]]))
    >>> matching.tolist(), cost
    ([1, 0], 5.0)
    """
    try:
        items, matching = linear_sum_assignment(cost)
    except ValueError:  # which is how it says so
        return None
    return matching, float(cost[items, matching].sum())


def plan_jointly(problem: Problem) -> tuple[Allocation, float]:
    """Find the matching and the shares of least latency, and a proven lower bound on it.

    Returns
    -------
    The optimum, and a time after the download within which no matching is done

    Examples
    --------
    >>> from baselines.cooperative.problem import worked_problem
    >>> best, bound_s = plan_jointly(worked_problem())
    >>> best.matching.tolist(), round(best.delay_s, 6), bound_s > best.delay_s * (1 - 1e-6)
    ([2, 1, 3], 3.474918, True)
    """
    matching, _ = crunch(problem.compute_s + problem.equal_upload_s)
    best, margin = problem.with_best_shares(matching), MARGIN
    while True:
        within_s = best.delay_s * (1 - margin)
        found = least_sum(problem.least_share(within_s))
        if found is None or found[1] > 1:
            return best, within_s
        better = problem.with_best_shares(found[0], within_s)
        if better.delay_s < best.delay_s:
            best = better
        else:  # rounding, which a wider margin is above
            margin *= 10
