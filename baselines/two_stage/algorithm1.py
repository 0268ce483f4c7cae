"""Algorithm 1 of the paper: successive convex approximation inside a search over (M, N).

The paper leaves two things open, settled here. The *grid*: the full one has millions of cells, so
the search goes from coarse to fine around the best cell, which finds the optimum because the bound
is quasi-convex over (M, N). The *first local point*: the largest batch, equal everywhere, that fits
the budgets.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import TypeAlias, TypeVar

import numpy as np

from baselines.two_stage.box import FINETUNE_ROUNDS
from baselines.two_stage.iterate import Cell, Iterate, LocalPoint, first_iterate
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.program import SAMPLES
from baselines.two_stage.relaxation import Relaxation
from baselines.two_stage.rounding import Rounded
from baselines.two_stage.schemes import Scheme
from baselines.two_stage.subproblem import TOLERANCE, Subproblem
from baselines.two_stage.times import cheapest_times
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import Scenario

#: What a cell ends as: real batches, or integers.
Found = TypeVar("Found", Relaxation, Rounded)
Solve: TypeAlias = Callable[[Scenario, Scheme, Sequence[Cell]], dict[Cell, Found | None]]

#: Relative fall of the bound below which the iterations over o stop, the paper's ε.
SCA_TOLERANCE = 1e-7
#: How often the solver is asked again at a nearer point, in a cell.
MOST_STEPS_BACK = 3


def solve_algorithm1(scenario: Scenario, scheme: Scheme, grid: int) -> Relaxation | None:
    """Search (M, N) from coarse to fine, solving each cell by SCA; batches are still real.

    A stage may be left out, M = 0 or N = 0, which the paper's loops from 1 on do not try.

    Parameters
    ----------
    scenario, scheme : what is planned
    grid : points on each axis of the first grid

    Returns
    -------
    The best cell found, or None where no cell fits the budgets
    """
    found = _in_all_cases(scenario, scheme, grid, solve_cells, least_rounds=0)
    return min(found, key=_bound_of, default=None)


def solve_as_printed(scenario: Scenario, scheme: Scheme, grid: int) -> Rounded | None:
    """Run Algorithm 1 as the paper prints it: M, N >= 1, batches rounded in every cell (line 9).

    The grid alone is still searched from coarse to fine.

    Returns
    -------
    The best cell with SCA's own clocks and powers, whatever limits the rounding breaks; None where
    no cell fits the budgets before it
    """
    found = _in_all_cases(scenario, scheme, grid, round_cells, least_rounds=1)
    return min(found, key=_bound_of, default=None)


def _bound_of(found: Relaxation | Rounded) -> float:
    return found.gradient_norm_bound


def _in_all_cases(
    scenario: Scenario, scheme: Scheme, grid: int, solve: Solve[Found], least_rounds: int
) -> list[Found]:
    """Search the cells of every case of the bound, and leave out those in which nothing fits."""
    whole, found = pose(scenario, scheme), list[Found]()
    all_most = whole.box.high[: FINETUNE_ROUNDS + 1]
    for part in whole.parts:
        least, most = (end[: FINETUNE_ROUNDS + 1] for end in part.box)
        least = np.maximum(least, np.minimum(least_rounds, all_most))
        if np.all(least <= most):
            best = _coarse_to_fine(scenario, scheme, grid, solve, (least, most))
            found += [best] if best is not None else []
    return found


def _coarse_to_fine(
    scenario: Scenario,
    scheme: Scheme,
    grid: int,
    solve: Solve[Found],
    ends: tuple[Array, Array],
) -> Found | None:
    low, high = least, limits = ends
    solved: dict[Cell, Found | None] = {}
    while True:
        axes = np.rint(np.linspace(low, high, grid)).astype(int).T
        cells = {(int(m), int(n)) for m, n in product(*axes)} - solved.keys() - {(0, 0)}
        solved |= solve(scenario, scheme, sorted(cells))
        feasible = {cell: found for cell, found in solved.items() if found is not None}
        best = _best(feasible)
        step = (high - low) / (grid - 1)
        if np.all(step <= 1):
            return feasible[best] if best else None
        # Without a feasible cell the search closes in on the fewest rounds.
        centre = np.array(best) if best else least
        reach = np.minimum(step, 0.4 * (high - low))  # a grid of three points must shrink too
        low, high = np.clip(centre - reach, least, limits), np.clip(centre + reach, least, limits)


def _best(feasible: Mapping[Cell, Relaxation | Rounded]) -> Cell | None:
    """Find the cell with the least bound; of those alike up to the solver's digits, of most M.

    With fixed batches the bound can depend on M + N alone, and the digits would choose.
    """
    least = min((found.gradient_norm_bound for found in feasible.values()), default=np.inf)
    alike = least * (1 + TOLERANCE)
    return max((c for c, f in feasible.items() if f.gradient_norm_bound <= alike), default=None)


def solve_cells(
    scenario: Scenario, scheme: Scheme, cells: Sequence[Cell]
) -> dict[Cell, Relaxation | None]:
    """Run the SCA iterations in every cell (M, N), None where the cell fits no batch at all.

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> cells = solve_cells(load_scenario("mnist"), find_scheme("joint"), [(1000, 1364)])
    >>> round(cells[1000, 1364].gradient_norm_bound, 5)
    0.30469
    """
    whole, found = pose(scenario, scheme), dict[Cell, Relaxation | None]()
    for cell, start in _first_points(whole, cells).items():
        problem, found[cell] = whole.part_of(*cell), None
        if start is not None:
            # A solver that gives up at once leaves the cell at its first local point.
            last = _iterate(problem, cell, start) or first_iterate(problem, cell, start)
            found[cell] = last.relaxation(cell)
    return found


def round_cells(
    scenario: Scenario, scheme: Scheme, cells: Sequence[Cell]
) -> dict[Cell, Rounded | None]:
    """Run the SCA iterations in every cell and round its batches to the nearest integers.

    Examples
    --------
    >>> from baselines.two_stage.schemes import find_scheme
    >>> from edgegym import load_scenario
    >>> cells = round_cells(load_scenario("mnist"), find_scheme("joint"), [(1000, 1364)])
    >>> cells[1000, 1364].integers.tolist()
    [1000.0, 1364.0, 82.0, 294.0, 97.0, 102.0, 95.0]
    """
    whole, found = pose(scenario, scheme), dict[Cell, Rounded | None]()
    for cell, start in _first_points(whole, cells).items():
        problem = whole.part_of(*cell)
        last = start and _iterate(problem, cell, start)
        found[cell] = last and last.rounded(problem, cell)
    return found


def _iterate(problem: Problem, cell: Cell, point: LocalPoint) -> Iterate | None:
    """Run steps 5 to 8 of Algorithm 1.

    Every point between two local points is one as well: where the solver gives up, it is asked at
    some nearer to where it did not, and then the iterations end where they stood.
    """
    subproblem, found = Subproblem(problem, cell), None
    last, steps_back = point, 0
    while steps_back <= MOST_STEPS_BACK:
        iterate = subproblem.solve(point)
        if iterate is None:
            steps_back += 1
            point = point.towards(last)
            continue
        previous, found = found.gradient_norm_bound if found else np.inf, iterate
        if previous - found.gradient_norm_bound <= SCA_TOLERANCE * found.gradient_norm_bound:
            break
        last, point = point, found.next_point
    return found


def _first_points(problem: Problem, cells: Sequence[Cell]) -> dict[Cell, LocalPoint | None]:
    """Step 4: for each cell the largest equal batch that fits, and the powers that go with it."""
    scenario, scheme, uplink = problem.scenario, problem.scheme, problem.work.uplink
    limit, limits = scenario.pretrain_batch_size_limit, scenario.finetune_batch_size_limit
    largest = max(limit, limits.max())
    sizes = [largest] if scheme.fixed_batch else np.geomspace(1, largest, 20)
    batch = np.minimum(sizes, limit)
    batch_k = np.minimum(np.reshape(sizes, (-1, 1)), limits)
    rounds = np.reshape(cells, (-1, 2))
    times = cheapest_times(
        problem.work,
        scheme,
        n_pretrain_rounds=rounds[:, :1],
        n_finetune_rounds=rounds[:, 1:],
        pretrain_batch_size=batch,
        finetune_batch_size=batch_k,
        delay_budget_s=scenario.delay_budget_s,
    )
    fits = times.energy_j <= scenario.energy_budget_j
    points = dict[Cell, LocalPoint | None]()
    for index, (cell, fitting) in enumerate(zip(cells, fits, strict=True)):
        points[cell] = None
        if fitting.any():
            size = np.flatnonzero(fitting)[-1]
            snr = np.expm1(uplink.nats_s / times.upload_s[index, size])
            power = np.minimum(snr / uplink.limit_snr, 1.0)
            points[cell] = LocalPoint(SAMPLES / batch[size], SAMPLES / batch_k[size], power)
    return points
