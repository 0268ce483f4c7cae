"""Receding horizon on the law: plan the rest again as an episode goes on.

What is left is a problem of its own: budgets and rounds that are left, the mean channel, and a law
whose lucks stand where the rounds played have brought them. It is planned again after an eighth of
the rounds left in a stage, so ever more often towards its end, where batches change from round to
round. In between a plan's batches are played at its worth of a second, for which every round gets
the clocks and powers that are best for the gains it meets.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from baselines.two_stage.by_law.budget import make_costs
from baselines.two_stage.by_law.law import LUCKS, make_law
from baselines.two_stage.by_law.planner import recorded_ranges, single, starts_of
from baselines.two_stage.by_law.rounds import Timed, as_plan, fit, time_rounds
from baselines.two_stage.by_law.shape import Range, Shape, Shapes, constant, improve
from baselines.two_stage.problem import Problem, pose
from baselines.two_stage.remaining import Left, look, mean_gains
from baselines.two_stage.schemes import Scheme, find_scheme
from baselines.two_stage.workload import workload
from edgegym.lifecycle.state import State
from edgegym.physics import Array
from edgegym.systems.two_stage.decision import PRETRAIN, Decision
from edgegym.systems.two_stage.emulator import Emulated, Emulator
from edgegym.systems.two_stage.emulator_file import load_emulator
from edgegym.systems.two_stage.scenario import Scenario

#: Part of the rounds left in a stage after which the rest is planned again.
PART = 8


class Rest(NamedTuple):
    """A plan of what is left, and the round of its stage with which it begins."""

    shapes: Shapes
    timed: Timed
    stage: int
    first: int

    def at(self, round_: int) -> Array | None:
        """Give the batches of a round; None where the plan has none."""
        sizes = (self.timed.finetune if self.stage else self.timed.pretrain)[round_ - self.first :]
        return sizes[0] if len(sizes) else None

    def is_old(self, stage: int, round_: int) -> bool:
        """Tell whether it is time to plan again."""
        n_rounds = len(self.timed.finetune if self.stage else self.timed.pretrain)
        return stage != self.stage or round_ - self.first >= max(n_rounds // PART, 1)


def receding_by_law(
    scenario: Scenario, *, scheme: str = "joint"
) -> Callable[[State], Decision | None]:
    """Decide every round of an episode by planning the rest of it on the emulator's law.

    Parameters
    ----------
    scenario : what is played
    scheme : what is frozen

    Returns
    -------
    A function of the state of one copy that gives the next decision, None to move on; it is to be
    asked before every round of an episode, from the first

    Raises
    ------
    InputError
        If there is no emulator for what the scenario trains.

    Examples
    --------
    >>> import gymnasium, edgegym
    >>> env = gymnasium.make("TwoStageEdge-v0", fidelity="bound").unwrapped
    >>> _ = env.reset(seed=0)
    >>> bool(receding_by_law(env.scenario)(env.state).server_batch_size < 10)
    True
    """
    emulator, design = load_emulator(scenario), find_scheme(scheme)
    lucks = emulator.start(LUCKS)
    rest: Rest | None = None

    def decide(state: State) -> Decision | None:
        nonlocal lucks, rest
        stage, round_ = int(state.stage), int(state.round)
        left = look(scenario, state, 0.0)
        if not left.n_pretrain_rounds + left.n_finetune_rounds and stage == PRETRAIN:
            lucks, rest = emulator.start(LUCKS), None
        if stage != PRETRAIN and (rest is None or rest.stage == PRETRAIN):
            lucks = emulator.hand_over(lucks)
        if rest is None or rest.is_old(stage, round_):
            rest = _plan_rest(scenario, design, emulator, left, lucks, rest, stage)
        batch = rest.at(round_) if rest else None
        if rest is None or batch is None:
            return None
        lucks = emulator.descend(lucks, batch.sum())
        return _decision(scenario, design, left, batch, rest.timed.second_device_w)

    return decide


def _problem(scenario: Scenario, scheme: Scheme, gains: tuple[Array, Array]) -> Problem:
    work = workload(scenario, uplink_gain=gains[0], downlink_gain=gains[1])
    return pose(scenario, scheme, work)


def _plan_rest(
    scenario: Scenario,
    scheme: Scheme,
    emulator: Emulator,
    left: Left,
    lucks: Emulated,
    before: Rest | None,
    stage: int,
) -> Rest | None:
    """Plan what is left; the last round for its own gains."""
    rest = scenario.model_copy(
        update={
            "delay_budget_s": max(left.delay_s, 1e-9 * scenario.delay_budget_s),
            "energy_budget_j": max(left.energy_j, 1e-9 * scenario.energy_budget_j),
        }
    )
    problem = _problem(rest, scheme, mean_gains(scenario, left))
    first, second = recorded_ranges(problem, emulator)
    done = left.n_pretrain_rounds, left.n_finetune_rounds
    first = first._replace(n_rounds=max(first.n_rounds - done[0], 0) * (stage == PRETRAIN))
    ranges = first, second._replace(n_rounds=max(second.n_rounds - done[1], 0))
    law = make_law(emulator, sum(r.n_rounds for r in ranges) + 1, lucks, stage != PRETRAIN)
    costs, found = make_costs(problem), []
    for start in _starts(ranges, before, stage, done[stage]):
        found.append(improve([law], costs, ranges, start, rest))
    shapes = [one.shapes for one in sorted(found, key=lambda one: one.loss)]
    own = (left.uplink_gain, left.downlink_gain)
    for shape in [*shapes, single(ranges, stage)]:
        is_last = stage != PRETRAIN and shape[1].n_rounds < 1.5
        played = _problem(rest, scheme, own) if is_last else problem
        if timed := fit(played, make_costs(played), ranges, shape):
            return Rest(shape, timed, stage, done[stage])
    return None


def _starts(
    ranges: tuple[Range, Range], before: Rest | None, stage: int, done: int
) -> list[Shapes]:
    """Begin with what the plan before has left, or anew."""
    if before is None:
        return starts_of(ranges, None)
    played = [0, 0]
    played[stage] = done - before.first if stage == before.stage else 0
    first, second = (
        Shape(
            float(np.clip(shape.n_rounds - past, min(0.5, reach.n_rounds), reach.n_rounds)),
            np.clip(shape.knots[: constant(reach, 1, 1.0).knots.size], reach.least, reach.most),
        )
        for shape, past, reach in zip(before.shapes, played, ranges, strict=True)
    )
    return [(first, second)]


def _decision(
    scenario: Scenario, scheme: Scheme, left: Left, batch: Array, second_device_w: Array
) -> Decision:
    """Give a round's batches the clocks and powers that are best for its own gains."""
    problem = _problem(scenario, scheme, (left.uplink_gain, left.downlink_gain))
    none = np.zeros(0), np.zeros((0, scenario.n_devices))
    one = batch[np.newaxis]
    pretrain, finetune = (none[0], one) if batch.ndim else (one, none[1])
    timed = time_rounds(problem, pretrain, finetune, second_device_w)
    plan = as_plan(scenario, timed, left.uplink_gain)
    if not batch.ndim:
        server = plan.pretrain_batch_size[0], plan.server_clock_hz[0]
        return Decision(False, *server, None, None, None)
    return Decision(
        False,
        None,
        None,
        plan.finetune_batch_size[0],
        plan.device_clock_hz[0],
        plan.device_tx_power_w[0],
    )
