"""The step: what one learning round does to an episode, of every system, for one copy or many."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.learners import Learner
from edgegym.lifecycle.rules import Rules, budget_of
from edgegym.lifecycle.state import (
    DELAY,
    ENERGY,
    ROUNDS,
    RUNNING,
    TOLERANCE,
    EndCode,
    State,
    chosen,
)
from edgegym.physics import Array

Mask = NDArray[np.bool_]

#: What is used of a limit that is met.
AT_MOST = np.array(1 + TOLERANCE)
#: Rounds that are summed at once where all are alike: more would only take memory.
AT_ONCE = 32


@dataclass(frozen=True)
class Lifecycle:
    """How states follow one another; the learner alone changes beside them.

    Parameters
    ----------
    rules : the system's
    learner : of as many copies as a state has
    budgets : "hard", no round is run that does not fit, or "soft"
    rounds_per_step : rounds for which a decision is repeated, within a stage
    """

    rules: Rules
    learner: Learner
    budgets: str = "hard"
    rounds_per_step: int = 1

    @cached_property
    def budget(self) -> Array:
        """Budgets of delay and energy, (2, 1)."""
        return budget_of(self.rules)

    @cached_property
    def _never_over(self) -> Array:
        """What no sum of delay or energy is above, (2, 1)."""
        return self.budget * (1 + TOLERANCE) if self.budgets == "hard" else self.budget + math.inf

    @cached_property
    def _round_limits(self) -> NDArray[np.int_]:
        return np.array(self.rules.round_limits)

    @cached_property
    def _limits_begin(self) -> list[int]:
        """Say in which row of what is used each limit begins: a budget has one."""
        own = len(self.rules.used(self._start.totals))
        rows_each = own // max(len(self.rules.limits), 1)
        return [DELAY, ENERGY, *(ENERGY + 1 + row for row in range(0, own, rows_each or 1))]

    @cached_property
    def _interval(self) -> Array:
        return np.array(self.learner.interval)

    @cached_property
    def _learns(self) -> bool:
        return self.learner.interval < math.inf

    @cached_property
    def _start(self) -> State:
        """Where one copy begins, but for its seed and what is drawn and learned."""
        return self.blank(1)

    def blank(self, n_copies: int) -> State:
        """Make a state of copies none of which has begun."""
        rules, nothing = self.rules, np.zeros(n_copies, dtype=int)
        totals = np.zeros((ROUNDS + len(rules.stages) + rules.n_own_sums, n_copies))
        loss = np.full(n_copies, rules.initial_loss)
        validation = np.stack([loss, np.zeros(n_copies)])
        seeds = np.zeros(n_copies, dtype=np.int64)
        state = State(
            seeds,
            stage=nothing,
            round=nothing,
            end_code=np.full(n_copies, EndCode.FINISHED.value),
            totals=totals,
            draw=rules.draw(seeds, totals),
            loss=loss,
            validation=validation,
            first_validation=validation,
            rounds_unseen=nothing,
            measured=np.zeros((len(rules.measures), n_copies)),
            excess=np.zeros((2 + len(rules.limits), n_copies)),
        )
        return self._assess(state)

    def begin(self, state: State, copies: Mask, seeds: NDArray[np.int64]) -> State:
        """Open new episodes in some copies: untrained networks, full budgets.

        Parameters
        ----------
        state : of all copies
        copies : (C,) those that begin
        seeds : (C,) of the episodes; those of the other copies are not used
        """
        which, start = np.flatnonzero(copies).tolist(), self._start
        seeds = np.where(copies, seeds, state.seed)
        totals = np.where(copies, start.totals, state.totals)
        self.learner.begin(which, seeds[copies].tolist())
        validation = self._validated(state, which)
        return State(
            seed=seeds,
            stage=np.where(copies, start.stage, state.stage),
            round=np.where(copies, start.round, state.round),
            end_code=np.where(copies, RUNNING, state.end_code),
            totals=totals,
            draw=self.rules.draw(seeds, totals),
            loss=np.where(copies, validation[0], state.loss),
            validation=validation,
            first_validation=np.where(copies, validation, state.first_validation),
            rounds_unseen=np.where(copies, start.rounds_unseen, state.rounds_unseen),
            measured=np.where(copies, start.measured, state.measured),
            excess=np.where(copies, start.excess, state.excess),
        )

    def step(
        self, state: State, decision: Any, advancing: Mask, playing: Mask, last: Mask
    ) -> State:
        """Run one learning round, or `rounds_per_step` of them, as the decisions ask.

        Parameters
        ----------
        state : of all copies
        decision : what each copy asks for, copies along the first axis
        advancing : (C,) who asks to move on instead
        playing : (C,) who takes part; what the others ask for is not looked at
        last : (C,) for whom this is the last step, whatever comes of it
        """
        rules, running = self.rules, playing > advancing  # and not
        limits = self._round_limits.take(state.stage, mode="clip")
        draws_anew = rules.draws_anew(state.stage)
        are_alike = self.rounds_per_step > 1 and not (self._learns or draws_anew)
        n_each = AT_ONCE if are_alike else 1
        for done in range(0, self.rounds_per_step, n_each):
            if done == 0 or draws_anew:
                added = rules.added(state.stage, decision, state.draw)
            if are_alike:
                most = np.minimum(self.rounds_per_step - done, limits - state.round)
                state, running = self._run_alike(state, added, running, np.minimum(most, n_each))
            else:
                state, running = self._run_round(state, decision, added, running, draws_anew)
            full = state.round == limits
            if self.rounds_per_step > 1 and not np.count_nonzero(running := running > full):
                break
        state = self._move_on(state, playing, advancing, full)
        return self._assess(self._look(state, last) if self._learns else state)

    def _run_alike(
        self, state: State, added: Array, running: Mask, most: NDArray[np.int_]
    ) -> tuple[State, Mask]:
        """Run rounds of which nothing is learned and that all add the same, as many as fit.

        Their sums are those of one round after another, bit for bit.

        Parameters
        ----------
        most : (C,) how many at most
        """
        sums = np.empty((int(most.max()) + 1, *added.shape))
        sums[0] = state.totals
        for before, after in pairwise(sums):  # quicker than np.add.accumulate
            np.add(before, added, out=after)
        over = sums[1:, : ENERGY + 1] > self._never_over
        fitting = np.count_nonzero(~over.any(axis=1), axis=0)  # no round gives anything back
        ran = np.where(running, np.minimum(fitting, most), 0)
        copies, stopped = np.arange(most.size), running & (fitting < most)
        is_delay = over[np.minimum(fitting, len(over) - 1), DELAY, copies]
        why = np.where(is_delay, EndCode.DELAY_BUDGET.value, EndCode.ENERGY_BUDGET.value)
        state = state._replace(
            totals=sums[ran, :, copies].T,
            round=state.round + ran,
            rounds_unseen=state.rounds_unseen + ran,
            end_code=np.where(stopped, why, state.end_code),
        )
        return state, running & ~stopped

    def _run_round(
        self, state: State, decision: Any, added: Array, running: Mask, draws_anew: bool
    ) -> tuple[State, Mask]:
        """Run a round of the running copies where it fits, and say who may run another.

        Training that turned non-finite ends the episode.
        """
        totals, loss, code, draw = state.totals + added, state.loss, state.end_code, state.draw
        over = totals[: ENERGY + 1] > self._never_over
        if np.count_nonzero(over):
            stopped = running & over.any(axis=0)
            why = np.where(over[DELAY], EndCode.DELAY_BUDGET.value, EndCode.ENERGY_BUDGET.value)
            code, running = np.where(stopped, why, code), running & ~stopped
        if not np.count_nonzero(running):  # several times as fast as any()
            return state._replace(end_code=code), running
        totals, ran = chosen(running, totals, state.totals), running.astype(int)
        if self._learns:
            trained = self.learner.train(state.stage, state.round, decision, running)
            loss = chosen(running, trained, loss)
            if np.count_nonzero(np.isfinite(loss)) < loss.size:
                diverged = ~np.isfinite(loss)
                code = np.where(running & diverged, EndCode.DIVERGED.value, code)
                running = running & ~diverged
        if draws_anew:
            draw = self.rules.draw(state.seed, totals)
        state = state._replace(
            totals=totals,
            round=state.round + ran,
            rounds_unseen=state.rounds_unseen + ran,
            loss=loss,
            end_code=code,
            draw=draw,
        )
        return state, running

    def _move_on(self, state: State, playing: Mask, advancing: Mask, full: Mask) -> State:
        """Advance where it is asked for, and where all rounds of the stage are done."""
        if not (np.count_nonzero(advancing) or np.count_nonzero(full)):
            return state
        advancing = playing & advancing
        moving = advancing | (full & ~state.ended)
        n_stages = len(self.rules.stages)
        at_limit = moving & ~advancing & (state.stage == n_stages - 1)
        stage = state.stage + (moving & ~at_limit)
        code = np.where(at_limit, EndCode.ROUND_LIMIT.value, state.end_code)
        code = np.where(stage == n_stages, EndCode.FINISHED.value, code)
        is_new = (stage > state.stage) & (stage < n_stages)
        return state._replace(stage=stage, round=np.where(is_new, 0, state.round), end_code=code)

    def _look(self, state: State, last: Mask) -> State:
        """Look at the validation samples where it is due, and once more at the end.

        What a diverged training has reached counts as what it was at first.
        """
        unseen = state.rounds_unseen
        due = unseen >= self._interval
        over = np.count_nonzero(state.end_code) or np.count_nonzero(last)
        if not (over or np.count_nonzero(due)):
            return state
        is_lost = state.end_code == EndCode.DIVERGED.value
        due = due | ((state.ended | last) & (unseen > 0))
        if (looking := due & ~is_lost).any():
            validation = self._validated(state, np.flatnonzero(looking).tolist())
            is_lost = is_lost | ~np.isfinite(validation[0])
            state = state._replace(
                validation=validation, rounds_unseen=np.where(looking, 0, unseen)
            )
        if not is_lost.any():
            return state
        first = state.first_validation
        return state._replace(
            end_code=np.where(is_lost, EndCode.DIVERGED.value, state.end_code),
            validation=np.where(is_lost, first, state.validation),
            loss=np.where(is_lost, first[0], state.loss),
        )

    def _validated(self, state: State, copies: list[int]) -> Array:
        validation = state.validation.copy()
        validation[0, copies], validation[1, copies] = self.learner.validate(copies)
        return validation

    def _assess(self, state: State) -> State:
        """Measure the totals, and by how much they exceed the limits."""
        totals, rules = state.totals, self.rules
        used = np.concatenate((totals[: ENERGY + 1] / self.budget, rules.used(totals)))
        over = used > AT_MOST
        excess = state.excess  # the same array as long as there is none, which tells `InfoWriter`
        if np.count_nonzero(over) or np.count_nonzero(excess):
            most = np.maximum.reduceat(used, self._limits_begin)
            excess = np.where(most > AT_MOST, most - 1, 0.0)
        return state._replace(measured=rules.measure(totals), excess=excess)
