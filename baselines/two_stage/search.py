"""Branch and bound over the integers of (P1): the plan, and the proof of how good it is.

Every node is the relaxation within a box of integers; its lower bound discards the box when a plan
is already known that is as good. With hundreds of rounds and samples the first rounding ends the
search; where few rounds fit the budgets, the search is what finds the best ones.
"""

import heapq
import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np

from baselines.two_stage.box import (
    DEVICES,
    FINETUNE_ROUNDS,
    PRETRAIN_BATCH,
    PRETRAIN_ROUNDS,
    Box,
)
from baselines.two_stage.problem import Problem
from baselines.two_stage.relaxation import CERTIFIED, Relaxation, best_of, relax_case
from baselines.two_stage.rounding import Rounded, round_near
from edgegym.physics import Array

#: Relative distance between the best plan and the proven bound at which the search ends, and how
#: many boxes it opens at most.
GAP, MOST_NODES = 1e-3, 300

#: Boxes opened where the solver fails on the whole problem: it does no better on parts of it.
NODES_OF_HARD = 10

#: Distance below which a real value is an integer up to the solver's digits.
DIGITS = 1e-6

#: The first integers of a box decide the bound: M, N, D̃ and ΣB̃_k; the rest only how ΣB̃_k
#: is shared.
DECISIVE = 4


class Search(NamedTuple):
    """What the search found: the relaxation of the whole problem, the best integers, the proof."""

    relaxed: Relaxation | None
    rounded: Rounded | None
    proven_bound: float  # no plan of alike rounds within the budgets is below


NOTHING_FITS = Search(None, None, math.inf)


def search(problem: Problem) -> Search:
    """Find the best integer plan, up to a relative `GAP` or until `MOST_NODES` boxes are opened.

    Its rounds are alike within a stage. Where a bound has several cases, the best plan of each is
    sought, and no such plan is below the lowest bound that is proven of any.

    Examples
    --------
    >>> from baselines.two_stage.problem import pose
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> found = search(pose(load_scenario("mnist"), find_scheme("joint")))
    >>> found.rounded.gradient_norm_bound / found.proven_bound - 1 < GAP
    True
    """
    return best_search(_search_case(part) for part in problem.parts)


def best_search(found: Iterable[Search]) -> Search:
    """Put together what was found in some cases; of those in which nothing fits nothing is left."""
    fitting = [one for one in found if one.relaxed is not None]
    if not fitting:
        return NOTHING_FITS
    relaxed = best_of(one.relaxed for one in fitting)
    rounded = _best(*(one.rounded for one in fitting))
    return Search(relaxed, rounded, min(one.proven_bound for one in fitting))


def _search_case(problem: Problem) -> Search:
    root = relax_case(problem)
    if root is None:
        # Where hardly a round fits, a problem without an interior is beyond any solver.
        return one_round(problem)
    best: Rounded | None = None
    order, settled = count(), [np.inf]
    open_boxes = [(root.lower_bound, next(order), problem.box, root)]
    for _ in range(MOST_NODES if root.gap <= CERTIFIED else NODES_OF_HARD):
        if not open_boxes:
            break
        # The box with the lowest bound: what holds of it holds of all that are open.
        bound, _, box, relaxed = heapq.heappop(open_boxes)
        best = _best(best, round_near(problem, relaxed))
        index = _most_fractional(relaxed.integers, box)
        if best and bound >= best.gradient_norm_bound * (1 - GAP):
            settled.append(bound)
            break
        if index is None:
            # Every integer is one already, and the budgets leave not even digits to spare.
            settled.append(bound)
            continue
        for part in box.split(index, relaxed.integers[index]):
            child = relax_case(problem.within(part))
            if child is not None:
                child_bound = max(child.lower_bound, bound)
                heapq.heappush(open_boxes, (child_bound, next(order), part, child))
    settled += [bound for bound, *_ in open_boxes[:1]]
    best = best or one_round(problem).rounded
    proven = min(*settled, best.gradient_norm_bound if best else np.inf)
    return Search(root, best, max(proven, root.lower_bound))


def _best(*found: Rounded | None) -> Rounded | None:
    return min(filter(None, found), key=lambda r: r.gradient_norm_bound, default=None)


def one_round(problem: Problem) -> Search:
    """Look for as few rounds as can be that fit, with a bound that no plan undercuts: no noise.

    Their batches are the least, doubled as long as they fit.
    """
    terms, box, found = problem.terms, problem.box, []
    least, most = box.low[: FINETUNE_ROUNDS + 1], box.high[: FINETUNE_ROUNDS + 1]
    start = Relaxation(
        gradient_norm_bound=float(terms.fixed(0)),
        n_pretrain_rounds=max(1, least[PRETRAIN_ROUNDS]),
        n_finetune_rounds=max(1, least[FINETUNE_ROUNDS]),
        pretrain_batch_size=box.low[PRETRAIN_BATCH],
        finetune_batch_size=box.low[DEVICES:],
        lower_bound=float(terms.fixed(most[PRETRAIN_ROUNDS]) / terms.n_averaged(*most)),
    )
    for rounds in [least] if least.any() else [(1, 0), (0, 1)]:
        single = box.low.copy()
        single[PRETRAIN_ROUNDS], single[FINETUNE_ROUNDS] = rounds
        if np.all(single <= box.high):
            high = np.concatenate([single[:PRETRAIN_BATCH], box.high[PRETRAIN_BATCH:]])
            found.append(_doubled(problem.within(Box(single, high)), start))
    best = _best(*found)
    return Search(start if best else None, best, start.lower_bound)


def _doubled(problem: Problem, start: Relaxation) -> Rounded | None:
    """Double the batches of a start as long as a plan near them is better."""
    best: Rounded | None = None
    while found := round_near(problem, start):
        if best and found.gradient_norm_bound >= best.gradient_norm_bound:
            break
        best = found
        start = replace(
            start,
            pretrain_batch_size=2 * start.pretrain_batch_size,
            finetune_batch_size=2 * start.finetune_batch_size,
        )
    return best


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
