"""The plan that is best on the law fitted to recorded training: the search behind two methods."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from baselines.two_stage.by_law.budget import make_costs
from baselines.two_stage.by_law.law import LUCKS, foretell, make_law
from baselines.two_stage.by_law.rounds import as_plan, fit
from baselines.two_stage.by_law.shape import OfRounds, Range, Shapes, constant, improve
from baselines.two_stage.feasibility import usable_stages
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.schemes import Scheme
from edgegym.systems.two_stage.emulator import Emulator
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.recorded import Recorded
from edgegym.systems.two_stage.referee import evaluate
from edgegym.systems.two_stage.scenario import Scenario

#: Shares of the recorded rounds of each stage that searches begin with, beside the constant plan.
STARTS = ((1.0, 1.0), (1.0, 0.4), (0.2, 0.8))


class ByLaw(NamedTuple):
    """A plan, and what the law foretells of it and of the constant plan that the search knew."""

    plan: Plan
    loss: float  # nats, of the law that is worst
    constant_loss: float  # infinite where the constant plan is not within what was recorded


class Aim(NamedTuple):
    """What is to be least: of rounds that may be real-valued, with its slope, and of a plan."""

    of_rounds: OfRounds
    of_plan: Callable[[Emulator, Plan], float]


def plan_by_law(
    scenario: Scenario,
    scheme: Scheme,
    laws: Sequence[Emulator],
    known: Plan | None,
    aim: Aim | None = None,
) -> ByLaw | None:
    """Find the rounds, batches, clocks and powers with the least loss that the laws foretell.

    Parameters
    ----------
    scenario : what is planned
    scheme : what is frozen
    laws : fitted for what the scenario trains; of several the worst counts
    known : a plan to begin with, such as the best constant one; what is found is never worse on
        the laws, if they cover it
    aim : what is to be least on the law in the place of the loss

    Returns
    -------
    None where no round within what was recorded fits the budgets
    """
    of_rounds, of_plan = aim or Aim(foretell, foretold_loss)
    problem = pose(scenario, usable_stages(scenario, scheme))
    ranges = recorded_ranges(problem, laws[0])
    courses = [make_law(law, sum(reach.n_rounds for reach in ranges) + 1) for law in laws]
    costs = make_costs(problem)
    found = [
        improve(courses, costs, ranges, start, scenario, of_rounds)
        for start in starts_of(ranges, known)
    ]
    shapes = [one.shapes for one in sorted(found, key=lambda one: one.loss)]
    shapes += [single(ranges, 0), single(ranges, 1)]  # where hardly a round fits
    timed = next(filter(None, (fit(problem, costs, ranges, shape) for shape in shapes)), None)
    own = as_plan(scenario, timed, scenario.uplink_gain) if timed else None
    plans = [plan for plan in (known, own) if plan]
    fitting = [p for p in plans if laws[0].covers(p) and not evaluate(p, scenario).violations]
    if not fitting:
        return None
    losses = [max(of_plan(law, plan) for law in laws) for plan in fitting]
    best = int(np.argmin(losses))
    return ByLaw(fitting[best], losses[best], losses[0] if fitting[0] is known else np.inf)


def foretold_loss(emulator: Emulator, plan: Plan) -> float:
    """Foretell the loss on the target domain after a plan, expected over initial weights.

    Examples
    --------
    >>> from baselines import plan
    >>> from edgegym import load_scenario
    >>> from edgegym.systems.two_stage.emulator_file import load_emulator
    >>> mnist = load_scenario("mnist")
    >>> round(foretold_loss(load_emulator(mnist), plan(mnist).plan), 2)
    0.12
    """
    state = emulator.start(LUCKS)
    for batch_size in plan.pretrain_batch_size:
        state = emulator.descend(state, batch_size)
    if not plan.n_finetune_rounds:
        return float(emulator.shifted_loss(state).mean())
    state = emulator.hand_over(state)
    for batch_size in plan.finetune_batch_size.sum(axis=1):
        state = emulator.descend(state, batch_size)
    return float(emulator.loss(state).mean())


def recorded_ranges(problem: Problem, emulator: Emulator) -> tuple[Range, Range]:
    """Give what was recorded of both stages, as far as limits and scheme allow it."""
    s, scheme = problem.scenario, problem.scheme
    limits, fixed = s.finetune_batch_size_limit, scheme.fixed_batch
    before, after = s.pretrain_batch_size_limit, int(limits.sum())
    return (
        _range(
            emulator.recorded_pretrain,
            s.max_pretrain_rounds * scheme.pretrains,
            before if fixed else 1,
            before,
        ),
        _range(
            emulator.recorded_finetune,
            s.max_finetune_rounds * scheme.finetunes,
            after if fixed else s.n_devices,
            after,
        ),
    )


def _range(recorded: Recorded, n_rounds: int, least: int, most: int) -> Range:
    rounds, lowest, highest = recorded.limits
    least, most = max(least, lowest), min(most, highest)
    return Range(min(n_rounds, rounds), least, most) if least <= most else Range(0, 1, 1)


def starts_of(ranges: tuple[Range, Range], known: Plan | None) -> list[Shapes]:
    """Give shapes of alike rounds to search from."""
    first, second = ranges
    if not first.n_rounds + second.n_rounds:
        return []
    batches = [np.sqrt(reach.least * reach.most) for reach in ranges]
    starts = [
        (
            constant(first, before * first.n_rounds, batches[0]),
            constant(second, after * second.n_rounds, batches[1]),
        )
        for before, after in STARTS
    ]
    if known is None:
        return starts
    sizes = known.pretrain_batch_size, known.finetune_batch_size.sum(axis=1)
    before, after = (
        constant(reach, max(size.size, 0.5), float(size[0]) if size.size else batch)
        for reach, size, batch in zip(ranges, sizes, batches, strict=True)
    )
    return [(before, after), *starts]


def single(ranges: tuple[Range, Range], stage: int) -> Shapes:
    """Give a single round of the least batch in one of the stages."""
    rounds = (1 - stage, stage)
    before, after = (constant(r, n, r.least) for r, n in zip(ranges, rounds, strict=True))
    return before, after
