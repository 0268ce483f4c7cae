"""Rounds and batches that are best on the law within the budgets: a few knots for each stage.

A stage's batch is free at 0, 1, 3, 7, ... rounds from its end, and between follows by logarithms:
the noise of a round is soon forgotten, so it is the last rounds that want a fine shape. How many
rounds there are is real-valued as well, by a first round of which there is but a part. Loss and
energy have gradients in closed form, and sequential quadratic programming (SciPy's SLSQP) does the
rest. Of several laws the worst counts: the search is for the least t above all their losses.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from baselines.two_stage.by_law.budget import Costs, Least, least_energy
from baselines.two_stage.by_law.law import Foretold, Law, Stage, foretell
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import Scenario

#: Steps of the search from one start, and the change of the loss, relative, that ends it.
STEPS, ENOUGH = 100, 1e-6
#: Rounds of a stage that is left out; none at all would have no slope.
HARDLY_ANY = 0.01
#: Share of the energy budget that counts as nothing.
NOTHING = 1e-9
#: Logarithms of losses within which the search stays.
LEVELS = (-20.0, 20.0)


class Range(NamedTuple):
    """What a stage may do: rounds, and samples over all devices in each."""

    n_rounds: int
    least: int
    most: int


class Shape(NamedTuple):
    """Rounds of a stage, real-valued, and its batches at the knots, from the end."""

    n_rounds: float
    knots: Array


Shapes = tuple[Shape, Shape]
OfRounds = Callable[[Law, Stage, Stage], Foretold]


class Found(NamedTuple):
    """Where a search ended."""

    loss: float  # nats, of the law that is worst
    shapes: Shapes


def constant(reach: Range, n_rounds: float, batch_size: float) -> Shape:
    """Give a stage of alike rounds, within its range.

    Examples
    --------
    >>> shape = constant(Range(n_rounds=20, least=4, most=90), 30, 8.0)
    >>> float(shape.n_rounds), shape.knots.tolist()
    (20.0, [8.0, 8.0, 8.0, 8.0, 8.0])
    """
    n_knots = 1 + int(np.log2(max(reach.n_rounds, 1)))
    batch = np.clip(batch_size, reach.least, reach.most)
    return Shape(np.clip(n_rounds, 0.0, reach.n_rounds), np.full(n_knots, batch))


def rounds_of(shape: Shape) -> Stage:
    """Write a shape as the rounds of a stage.

    Examples
    --------
    >>> rounds_of(Shape(4.5, np.array([8.0, 4.0, 2.0]))).batch_size.round(2).tolist()
    [2.0, 2.0, 2.67, 4.0, 8.0]
    """
    from_end = np.arange(int(np.ceil(shape.n_rounds)))[::-1]
    size = np.exp(_weights(shape.knots.size, from_end) @ np.log(shape.knots))
    return Stage(size, np.clip(shape.n_rounds - from_end, 0.0, 1.0))


def _weights(n_knots: int, from_end: NDArray[np.int_]) -> Array:
    """Give rounds' weights of the knots, linear in the logarithm of 1 + distance, (R, knots)."""
    at = np.minimum(np.log2(1.0 + from_end), n_knots - 1)
    return np.maximum(1 - np.abs(at[:, np.newaxis] - np.arange(n_knots)), 0.0)


def priced(costs: Costs, scenario: Scenario, stages: Sequence[Stage]) -> Least:
    """Give the least energy of both stages within the delay budget."""
    samples, device_samples = (float(stage.batch_size @ stage.share) for stage in stages)
    n_rounds = float(stages[1].share.sum())
    return least_energy(costs, scenario.delay_budget_s, samples, n_rounds, device_samples)


class _Layout(NamedTuple):
    """Where things stand in the search's vector: knots, rounds by their most, and t."""

    sizes: tuple[int, int]
    scale: tuple[int, int]

    def shapes(self, x: Array) -> Shapes:
        first, second, rounds = np.split(x[:-1], np.cumsum(self.sizes))
        knots, (m, n) = (np.exp(first), np.exp(second)), rounds * self.scale
        return Shape(m, knots[0]), Shape(n, knots[1])

    def vector(self, shapes: Shapes, level: float) -> Array:
        rounds = np.array([shape.n_rounds for shape in shapes]) / self.scale
        return np.concatenate([*(np.log(shape.knots) for shape in shapes), rounds, [level]])

    def slope(self, stages: Sequence[Stage], by: Sequence[Stage]) -> Array:
        """Turn how something changes by batches and shares into how by the vector."""
        slope = []
        for stage, change, size in zip(stages, by, self.sizes, strict=True):
            weights = _weights(size, np.arange(stage.share.size)[::-1])
            slope.append((change.batch_size * stage.batch_size) @ weights)
        first = [change.share[:1].sum() for change in by]  # a share is all that rounds move
        return np.concatenate([*slope, np.multiply(first, self.scale), [0.0]])

    def bounds(self, ranges: Sequence[Range]) -> list[tuple[float, float]]:
        knots = [
            (np.log(reach.least), np.log(reach.most))
            for reach, size in zip(ranges, self.sizes, strict=True)
            for _ in range(size)
        ]
        rounds = [
            (min(HARDLY_ANY, reach.n_rounds) / most, reach.n_rounds / most)
            for reach, most in zip(ranges, self.scale, strict=True)
        ]
        return [*knots, *rounds, LEVELS]


def improve(
    laws: Sequence[Law],
    costs: Costs,
    ranges: tuple[Range, Range],
    start: Shapes,
    scenario: Scenario,
    of_rounds: OfRounds = foretell,
) -> Found:
    """Search from a start for the least loss within the budgets, of the law that is worst.

    What is searched for may be something else that rounds make on a law, `of_rounds`.
    """
    first, second = ranges
    sizes = start[0].knots.size, start[1].knots.size
    layout = _Layout(sizes, (max(first.n_rounds, 1), max(second.n_rounds, 1)))

    def told(x: Array) -> tuple[list[Stage], list[Foretold]]:
        stages = [rounds_of(shape) for shape in layout.shapes(x)]
        return stages, [of_rounds(law, *stages) for law in laws]

    def below(x: Array) -> Array:
        return x[-1] - np.log([one.loss for one in told(x)[1]])

    def below_slope(x: Array) -> Array:
        stages, losses = told(x)
        rows = [layout.slope(stages, (one.pretrain, one.finetune)) / one.loss for one in losses]
        return level - np.array(rows)

    def spare(x: Array) -> float:
        stages = [rounds_of(shape) for shape in layout.shapes(x)]
        spent = priced(costs, scenario, stages).energy_j / scenario.energy_budget_j
        return -float(np.log(max(spent, NOTHING)))

    def spare_slope(x: Array) -> Array:
        stages = [rounds_of(shape) for shape in layout.shapes(x)]
        least, (before, after) = priced(costs, scenario, stages), stages
        c, r, p = least.server_sample_j, least.round_j, least.sample_j
        by = (
            Stage(c * before.share, c * before.batch_size),
            Stage(p * after.share, r + p * after.batch_size),
        )
        return -layout.slope(stages, by) / max(least.energy_j, NOTHING * scenario.energy_budget_j)

    x = layout.vector(start, 0.0)
    x[-1] = -below(x).min()
    level = np.zeros_like(x)
    level[-1] = 1.0
    found = minimize(
        lambda x: x[-1],
        x,
        jac=lambda x: level,
        method="SLSQP",
        bounds=layout.bounds(ranges),
        constraints=[
            {"type": "ineq", "fun": spare, "jac": spare_slope},
            {"type": "ineq", "fun": below, "jac": below_slope},
        ],
        options={"maxiter": STEPS, "ftol": ENOUGH},
    )
    return Found(float(np.exp(found.x[-1])), layout.shapes(found.x))
