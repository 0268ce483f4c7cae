"""Problem (P1) as its planners pass it on: what is planned, what is frozen, which integers."""

from dataclasses import dataclass, replace

import numpy as np

from baselines.two_stage.box import FINETUNE_ROUNDS, PRETRAIN_ROUNDS, Box, whole_box
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import Workload, workload
from edgegym.systems.two_stage.bound import bound_cases
from edgegym.systems.two_stage.bound_terms import BoundTerms, Case
from edgegym.systems.two_stage.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A scenario under a scheme, with times and energies at the limits and the bound's cases."""

    scenario: Scenario
    scheme: Scheme
    work: Workload
    cases: tuple[Case, ...]
    box: Box

    @property
    def terms(self) -> BoundTerms:
        """The terms of the bound, of its only case."""
        (case,) = self.cases
        return case.terms

    @property
    def parts(self) -> list["Problem"]:
        """The problem case by case: each with the rounds of which its case speaks, if any.

        Examples
        --------
        >>> from baselines.two_stage.schemes import find_scheme
        >>> from edgegym import load_scenario
        >>> tight = load_scenario("cinic10-cifar10").replace(bound="tight")
        >>> [part.box.high[:2].tolist() for part in pose(tight, find_scheme("joint")).parts]
        [[1500.0, 0.0], [0.0, 3000.0], [1500.0, 3000.0]]
        """
        parts = (replace(self, cases=(case,), box=_of_case(self.box, case)) for case in self.cases)
        return [part for part in parts if not part.box.empty]

    def part_of(self, m: int, n: int) -> "Problem":
        """Give the part that speaks of a cell (M, N)."""
        case = next(case for case in self.cases if case.holds(m, n))
        return replace(self, cases=(case,), box=_of_case(self.box, case))

    def after(self, m: int, n: int, pretrain_sum: float, finetune_sum: float) -> "Problem":
        """Pose what follows M + N rounds with Λ and Ω; budgets and box are to be what is left."""
        cases = [
            Case(
                case.terms.after(m, n, pretrain_sum, finetune_sum),
                _left(case.pretrain_rounds, m),
                _left(case.finetune_rounds, n),
            )
            for case in self.cases
        ]
        return replace(self, cases=tuple(cases))

    def within(self, box: Box) -> "Problem":
        """Pose the same problem with other limits on its integers."""
        return replace(self, box=box)

    def holding(self, index: int, value: float) -> "Problem":
        """Pose the same problem with one integer given; its box is empty if it cannot be that."""
        low, high = self.box.low.copy(), self.box.high.copy()
        low[index], high[index] = max(low[index], value), min(high[index], value)
        return self.within(Box(low, high))


def pose(scenario: Scenario, scheme: Scheme, work: Workload | None = None) -> Problem:
    """Pose (P1) over all that a scheme may do.

    Parameters
    ----------
    scenario : the constants; its fixed gains are used unless `work` has others
    scheme : what is frozen
    work : times and energies at the limits, where they are not the scenario's own

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> problem = pose(load_scenario("mnist"), find_scheme("pretrain-only"))
    >>> problem.box.high[:2].tolist(), problem.scheme.name
    ([1000.0, 0.0], 'pretrain-only')
    """
    return Problem(
        scenario=scenario,
        scheme=scheme,
        work=workload(scenario) if work is None else work,
        cases=bound_cases(scenario),
        box=whole_box(scenario, scheme),
    )


def _left(rounds: tuple[float, float], done: int) -> tuple[float, float]:
    low, high = rounds
    return max(low - done, 0), high - done


def _of_case(box: Box, case: Case) -> Box:
    low, high = box.low.copy(), box.high.copy()
    for index, rounds in (
        (PRETRAIN_ROUNDS, case.pretrain_rounds),
        (FINETUNE_ROUNDS, case.finetune_rounds),
    ):
        low[index] = np.maximum(low[index], rounds[0])
        high[index] = np.minimum(high[index], rounds[1])
    return Box(low, high)
