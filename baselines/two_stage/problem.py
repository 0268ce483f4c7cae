"""Problem (P1) as its planners pass it on: what is planned, what is frozen, which integers."""

from dataclasses import dataclass, replace

from baselines.two_stage.box import Box, whole_box
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import Workload, workload
from edgegym.systems.two_stage.bound import BoundTerms, bound_terms
from edgegym.systems.two_stage.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A scenario under a scheme, with times and energies at the limits and the terms of (34)."""

    scenario: Scenario
    scheme: Scheme
    work: Workload
    terms: BoundTerms
    box: Box

    def within(self, box: Box) -> "Problem":
        """Pose the same problem with other limits on its integers."""
        return replace(self, box=box)


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
        terms=bound_terms(scenario),
        box=whole_box(scenario, scheme),
    )
