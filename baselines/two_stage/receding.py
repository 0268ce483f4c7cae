"""Receding horizon: plan again every few rounds with what is left and the channel as it is.

Under fading that nobody knows ahead of time this is the strongest planner an agent can meet. Every
plan is the exact planner's, with the budgets and rounds that are left, the gains of this round as
they are shown, and the mean channel for the rounds after it; only its first rounds are played.
Where the channel stays as it is, the last rounds are planned as whole ones, since none after them
makes up for a part of a round; else how many fit is told by gains that nobody knows yet.
Stragglers are not foreseen; what they cost shows in what is left.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from baselines.two_stage.box import FINETUNE_ROUNDS, PRETRAIN_ROUNDS
from baselines.two_stage.physical import device_clock_hz, device_tx_power_w, server_clock_hz
from baselines.two_stage.problem import Problem
from baselines.two_stage.program import SAMPLES, Program
from baselines.two_stage.remaining import Left, look, mean_gains, rest_of, stays
from baselines.two_stage.schemes import Scheme, find_scheme
from baselines.two_stage.search import DIGITS
from baselines.two_stage.solved import best_solved, best_whole
from baselines.two_stage.static import best_delay_s, ending_within
from edgegym.lifecycle.state import State
from edgegym.physics import Array
from edgegym.scenario.channel import mean_channel
from edgegym.systems.two_stage.decision import Decision, Stage
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import CLOCK_FLOOR, POWER_FLOOR, Scenario

#: Of so few rounds, or of those of two plans, whole ones are planned.
FEW = 10


def receding_horizon(
    scenario: Scenario, *, scheme: str = "joint", replan_every: int = 1
) -> Callable[[State], Decision | None]:
    """Decide every round of an episode by planning the rest of it again.

    Parameters
    ----------
    scenario : what is played
    scheme : what is frozen
    replan_every : rounds, R; in between, the last plan for the mean channel is played

    Returns
    -------
    A function of the state of one copy that gives the next decision, None to move on

    Examples
    --------
    >>> import gymnasium, edgegym
    >>> env = gymnasium.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound").unwrapped
    >>> _ = env.reset(seed=0)
    >>> float(receding_horizon(env.scenario)(env.state).server_batch_size)
    82.0
    """
    design, static_w = find_scheme(scheme), scenario.static_power_w
    if static_w:
        delay_s = best_delay_s(mean_channel(scenario), design)
        scenario = ending_within(scenario, delay_s or scenario.delay_budget_s)
    later: Decision | None = None
    planned_at, n_planned = (-1, -1), 0

    def decide(state: State) -> Decision | None:
        nonlocal later, planned_at, n_planned
        stage, done = int(state.stage), int(state.round)
        if later is not None and stage == planned_at[0] and 0 < done - planned_at[1] < n_planned:
            return later
        planned_at = stage, done
        left = look(scenario, state, static_w)
        ahead = (_pretrain if stage == Stage.PRETRAIN else _finetune)(
            scenario, design, left, replan_every
        )
        if ahead is None:
            later = None
            return None
        n_planned = min(replan_every, round(ahead.rounds))
        first = state._replace(totals=np.zeros_like(state.totals))
        second = state._replace(totals=np.ones_like(state.totals))
        now, later = ahead.plan.decision(first), ahead.plan.decision(second)
        return now

    return decide


class _Ahead(NamedTuple):
    """What is played of a stage from this round on, and how many rounds there are to be."""

    plan: Plan
    rounds: float


def _in_samples(batch: Array, last: bool) -> Array:
    """Round a batch; a later round makes up for what it is off, and none for the last ones."""
    return np.floor(batch + DIGITS) if last else np.rint(batch)


def _pretrain(scenario: Scenario, scheme: Scheme, left: Left, replan_every: int) -> _Ahead | None:
    """Plan two alike pre-training rounds, None to move on."""
    uplink, downlink = mean_gains(scenario, left)
    problem = rest_of(scenario, scheme, left, False, uplink_gain=uplink, downlink_gain=downlink)
    found = best_solved(map(Program, problem.parts))
    if found is None or found.n_pretrain_rounds < 0.5:
        return None
    ends = found.n_finetune_rounds < 0.5
    if ends and (rounds := found.n_pretrain_rounds) < max(2 * replan_every, FEW):
        found = best_whole(problem.parts, PRETRAIN_ROUNDS, rounds, Program) or found
    program, x = found.program, found.x
    m = float(x[program.m])
    s, limit = scenario, scenario.server_clock_limit_hz
    last = ends and found.n_pretrain_rounds < replan_every + 0.5
    batch = np.clip(SAMPLES * x[program.x] / m, 1, s.pretrain_batch_size_limit)
    batch = _in_samples(batch, last)
    clock = server_clock_hz(s, batch, program.seconds(program.server_time, x, m))
    plan = Plan.constant(
        n_pretrain_rounds=2,
        pretrain_batch_size=batch,
        server_clock_hz=np.clip(clock, limit if scheme.fixed_clock else CLOCK_FLOOR * limit, limit),
        n_finetune_rounds=0,
        finetune_batch_size=np.ones(s.n_devices),
        device_clock_hz=s.device_clock_limit_hz,
        device_tx_power_w=s.device_tx_power_peak_limit_w,
    )
    return _Ahead(plan, found.n_pretrain_rounds)


def _finetune(scenario: Scenario, scheme: Scheme, left: Left, replan_every: int) -> _Ahead | None:
    """Plan this round and one for the mean channel, None where this one fits not or pays not."""
    n_left = scenario.max_finetune_rounds - left.n_finetune_rounds
    if not (n_left and scheme.finetunes):
        return None
    mean_uplink, mean_downlink = mean_gains(scenario, left)
    groups = slice(None) if n_left > 1 else slice(1)
    uplink = np.stack([left.uplink_gain, mean_uplink])[groups]
    limit_w = _power_limits(scenario, left)[groups]
    channel = {
        "uplink_gain": uplink,
        "downlink_gain": np.stack([left.downlink_gain, mean_downlink])[groups],
        "tx_power_limit_w": limit_w,
    }
    unit = float(np.clip(n_left, 1, 1000))

    def program(part: Problem) -> Program:
        least, most = (end[FINETUNE_ROUNDS] - 1 for end in part.box)
        return Program(
            part,
            weight=np.array([[1 / unit], [1.0]])[groups],
            counts=(np.array([[1.0], [max(least, 0)]])[groups], np.array([[1.0], [most]])[groups]),
            rounds=unit,
        )

    parts = rest_of(scenario, scheme, left, True, **channel).parts
    parts = [part for part in parts if part.box.high[FINETUNE_ROUNDS]]
    found = best_solved(map(program, parts))
    few = max(2 * replan_every, FEW) if stays(scenario) else 0
    if found is not None and (rounds := found.n_finetune_rounds) < few:
        found = best_whole(parts, FINETUNE_ROUNDS, rounds, program) or found
    begun = left.n_pretrain_rounds + left.n_finetune_rounds > 0
    if found is None or found.n_finetune_rounds < 0.5:
        return None
    if begun and found.bound >= left.gradient_norm_bound:
        return None
    last = stays(scenario) and found.n_finetune_rounds < replan_every + 0.5
    plan = _two_rounds(scenario, scheme, found.program, found.x, uplink, limit_w, last)
    return _Ahead(plan, found.n_finetune_rounds)


def _power_limits(scenario: Scenario, left: Left) -> Array:
    """Most power (2, K) in W for this round, and for each of those after it."""
    peak_w, mean_w = scenario.device_tx_power_peak_limit_w, scenario.device_tx_power_mean_limit_w
    # This round may use what the rounds before it left of the mean power (10), up to the digits
    # that an observation shows.
    allowed_w = mean_w * (left.n_finetune_rounds + 1) * (1 - 1e-6)
    spared_w = allowed_w - left.mean_tx_power_w * left.n_finetune_rounds
    spared_w = np.where(mean_w < peak_w, np.minimum(peak_w, spared_w), peak_w)
    return np.stack([np.maximum(spared_w, POWER_FLOOR * peak_w), np.minimum(peak_w, mean_w)])


def _two_rounds(
    scenario: Scenario,
    scheme: Scheme,
    program: Program,
    x: Array,
    uplink: Array,
    limit_w: Array,
    last: bool,
) -> Plan:
    """Read this round and the one after it off what the solver found."""
    s = scenario
    n = np.maximum(x[program.n], 1e-12)
    batch = np.clip(SAMPLES * x[program.x_k] / n, 1, s.finetune_batch_size_limit)
    batch = _in_samples(batch, last)
    clock = device_clock_hz(s, batch, program.seconds(program.computing_time, x, n))
    power = device_tx_power_w(s, program.seconds(program.upload_time, x, n), uplink)
    slowest = 1.0 if scheme.fixed_clock else CLOCK_FLOOR
    clock = np.clip(clock, slowest * s.device_clock_limit_hz, s.device_clock_limit_hz)
    power = np.clip(power, POWER_FLOOR * s.device_tx_power_peak_limit_w, limit_w)
    rows = [0, len(n) - 1]  # the last round there is follows itself
    return Plan(
        pretrain_batch_size=np.array([], dtype=int),
        server_clock_hz=np.array([]),
        finetune_batch_size=batch[rows],
        device_clock_hz=clock[rows],
        device_tx_power_w=power[rows],
    )
