"""What planning both stages jointly is worth: the joint optimum beside those of either stage."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd

from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import CERTIFIED, relax
from baselines.two_stage.schemes import find_scheme
from baselines.two_stage.workload import workload
from edgegym.studies.study import Figures, Points
from edgegym.studies.two_stage.open_values import place
from edgegym.systems.two_stage.scenario import Scenario

#: The design that the paper proposes, and those that it must be better than to be worth it.
JOINT, SINGLE = "joint", ("pretrain-only", "finetune-only")
#: From which share of the better single stage's bound on the joint one's is called worth it.
WORTH_IT = 0.01
#: Share of a round limit from which a plan stands at it.
AT_LIMIT = 0.999
#: Places in a file, whose plans take a worker about half a second.
CHUNK = 200

Shares = Mapping[str, float]


def plan_places(
    points: Points, kind: str, scenario: Scenario, places: Sequence[Shares], *, limited: bool
) -> pd.DataFrame:
    """Plan all three at every place in the ranges of the open values.

    The optima are those over real rounds and batches, certified by their prices; the best integer
    plan is no better, and the exact planner's within a thousandth.

    Parameters
    ----------
    points : computes chunks of places
    kind : what the places are, the name of their folder
    scenario : ours
    places : shares of the ranges, by key
    limited : else no stage is limited in its rounds

    Returns
    -------
    A row per place: its shares, the bound of each scheme, infinite where nothing fits, M and N
    of the joint plan, whether it stands at a round limit, whether all are certified, and the
    `gain`, the share of the better single stage's bound by which the joint design's is lower
    """
    rest = iter(places)
    chunks = iter(lambda: list(islice(rest, CHUNK)), [])
    calls = {
        f"{number:04d}": partial(_plan_chunk, scenario, chunk, limited)
        for number, chunk in enumerate(chunks)
    }
    found = [row for figures in points(kind, calls).values() for row in figures["rows"]]
    table = pd.DataFrame(list(places)).join(pd.DataFrame(found))
    better = table[list(SINGLE)].min(axis="columns")
    # Where neither stage fits the budgets both do not, and less than nothing is a solver's digits.
    gain = (1 - table[JOINT] / better.where(np.isfinite(better))).fillna(0.0).clip(lower=0.0)
    return table.assign(gain=gain)


def _plan_chunk(scenario: Scenario, places: Sequence[Shares], limited: bool) -> Figures:
    return {"rows": list(_plan_each(scenario, places, limited))}


def _plan_each(scenario: Scenario, places: Sequence[Shares], limited: bool) -> Iterator[Figures]:
    schemes = [find_scheme(name) for name in (JOINT, *SINGLE)]
    for shares in places:
        there = place(scenario, shares, limited=limited)
        work = workload(there)  # the same for all three
        optima = [relax(pose(there, scheme, work)) for scheme in schemes]
        joint = optima[0]
        rounds = (joint.n_pretrain_rounds, joint.n_finetune_rounds) if joint else (0.0, 0.0)
        limits = there.max_pretrain_rounds, there.max_finetune_rounds
        yield {
            **{
                scheme.name: found.gradient_norm_bound if found else np.inf
                for scheme, found in zip(schemes, optima, strict=True)
            },
            "n_pretrain_rounds": rounds[0],
            "n_finetune_rounds": rounds[1],
            "at_a_limit": bool(np.any(np.greater_equal(rounds, np.multiply(limits, AT_LIMIT)))),
            "certified": all(found is None or found.gap <= CERTIFIED for found in optima),
        }
