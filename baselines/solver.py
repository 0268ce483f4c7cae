"""The one place that calls the conic solver: its failures become values."""

import warnings
from enum import Enum
from typing import Any

import cvxpy as cp
import numpy as np


class Ending(Enum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    INACCURATE = "inaccurate"
    INFEASIBLE = "infeasible"
    FAILED = "failed"


ENDINGS = {
    cp.OPTIMAL: Ending.OPTIMAL,
    cp.OPTIMAL_INACCURATE: Ending.INACCURATE,
    cp.INFEASIBLE: Ending.INFEASIBLE,
    cp.INFEASIBLE_INACCURATE: Ending.INFEASIBLE,
}


def solve(problem: Any) -> Ending:
    """Solve a cvxpy problem with Clarabel.

    Examples
    --------
    >>> x = cp.Variable()
    >>> solve(cp.Problem(cp.Minimize(x), [x >= 1])), solve(cp.Problem(cp.Minimize(x), [x >= x + 1]))
    (<Ending.OPTIMAL: 'optimal'>, <Ending.INFEASIBLE: 'infeasible'>)
    """
    # CVXPY evaluates the objective at the end, which may be 0²/0 where a stage runs no round.
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # The ending says it; a warning as well would only reach users who cannot act on it.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        try:
            problem.solve(solver=cp.CLARABEL)
        except cp.SolverError:
            return Ending.FAILED
    return ENDINGS.get(problem.status, Ending.FAILED)
