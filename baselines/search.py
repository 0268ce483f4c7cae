"""Branch and bound over the integers of (P1): the plan, and the proof of how good it is.

Every node is the relaxation within a box of integers; its lower bound discards the box when a plan
is already known that is as good. With hundreds of rounds and samples the first rounding ends the
search; where few rounds fit the budgets, the search is what finds the best ones.
"""

import heapq
from itertools import count
from typing import NamedTuple

import numpy as np

from baselines.box import (
    DEVICES,
    FINETUNE_ROUNDS,
    PRETRAIN_BATCH,
    PRETRAIN_ROUNDS,
    Box,
    whole_box,
)
from baselines.relaxation import Relaxation, relax
from baselines.rounding import Rounded, round_near
from baselines.schemes import Scheme
from baselines.workload import Workload, workload
from edgegym.physics import Array
from edgegym.two_stage.bound import BoundTerms, bound_terms
from edgegym.two_stage.scenario import Scenario

#: Relative distance between the best plan and the proven bound at which the search ends, and how
#: many boxes it opens at most.
GAP, MOST_NODES = 1e-3, 300

#: Distance below which a real value is an integer up to the solver's digits.
DIGITS = 1e-6

#: The first integers of a box decide the bound (34): M, N, D̃ and ΣB̃_k; the rest only how ΣB̃_k
#: is shared.
DECISIVE = 4


class Search(NamedTuple):
    """What the search found: the relaxation of the whole problem, the best integers, the proof."""

    relaxed: Relaxation | None
    rounded: Rounded | None
    proven_bound: float  # no plan within the budgets is below
    start: Relaxation | None = None  # what was rounded, if not the relaxation


def search(scenario: Scenario, scheme: Scheme) -> Search:
    """Find the best integer plan, up to a relative `GAP` or until `MOST_NODES` boxes are opened.

    Examples
    --------
    >>> from baselines.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> found = search(load_scenario("mnist"), find_scheme("joint"))
    >>> found.rounded.gradient_norm_bound / found.proven_bound - 1 < GAP
    True
    """
    whole, work, terms = whole_box(scenario, scheme), workload(scenario), bound_terms(scenario)
    root = relax(scenario, scheme, whole)
    if root is None:
        # Where hardly a round fits, a problem without an interior is beyond any solver.
        return one_round(scenario, scheme, work, terms)
    best: Rounded | None = None
    order = count()
    open_boxes = [(root.lower_bound, next(order), whole, root)]
    proven = np.inf
    for _ in range(MOST_NODES):
        if not open_boxes:
            break
        bound, _, box, relaxed = heapq.heappop(open_boxes)
        if best is not None and bound >= best.gradient_norm_bound * (1 - GAP):
            proven = min(proven, bound)
            open_boxes.clear()
            break
        rounded = round_near(scenario, scheme, work, terms, whole, relaxed)
        if rounded and (best is None or rounded.gradient_norm_bound < best.gradient_norm_bound):
            best = rounded
        if best is not None and bound >= best.gradient_norm_bound * (1 - GAP):
            proven = min(proven, bound)
            open_boxes.clear()
            break
        index = _most_fractional(relaxed.integers, box)
        if index is None:
            # Every integer is one already, and the budgets leave not even digits to spare.
            proven = min(proven, bound)
            continue
        for part in box.split(index, relaxed.integers[index]):
            child = relax(scenario, scheme, part)
            if child is not None:
                heapq.heappush(
                    open_boxes, (max(child.lower_bound, bound), next(order), part, child)
                )
    left = min((node[0] for node in open_boxes), default=np.inf)
    proven = min(proven, left, best.gradient_norm_bound if best else np.inf)
    best = best or one_round(scenario, scheme, work, terms).rounded
    return Search(root, best, max(proven, root.lower_bound))


def one_round(scenario: Scenario, scheme: Scheme, work: Workload, terms: BoundTerms) -> Search:
    """Look for a single round that fits, with a bound that no plan undercuts: no noise."""
    box, found = whole_box(scenario, scheme), []
    start = Relaxation(
        gradient_norm_bound=terms.start,
        n_pretrain_rounds=1,
        n_finetune_rounds=1,
        pretrain_batch_size=box.low[PRETRAIN_BATCH],
        finetune_batch_size=box.low[DEVICES:],
        lower_bound=terms.start / box.high[: FINETUNE_ROUNDS + 1].sum(),
    )
    for m, n in (1, 0), (0, 1):
        single = box.low.copy()
        single[PRETRAIN_ROUNDS], single[FINETUNE_ROUNDS] = m, n
        if np.all(single <= box.high):
            fitting = Box(single, single)
            found.append(round_near(scenario, scheme, work, terms, fitting, start))
    best = min(filter(None, found), key=lambda rounded: rounded.gradient_norm_bound, default=None)
    return Search(start if best else None, best, start.lower_bound)


def _most_fractional(integers: Array, box: Box) -> int | None:
    """Choose the integer to branch on: the one whose rounding would change it most."""
    inside = np.clip(integers, box.low, box.high)
    distance = np.abs(inside - np.rint(inside))
    weight = np.where(distance > DIGITS, distance / np.maximum(inside, 1), 0.0)
    weight[box.low == box.high] = 0.0
    for part in (slice(DECISIVE), slice(DECISIVE, None)):
        if weight[part].any():
            return int(np.argmax(weight[part])) + (part.start or 0)
    return None
