"""The step against a slow reference: one copy at a time, one round at a time, in plain numbers."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym.lifecycle import rounds
from edgegym.lifecycle.info import InfoWriter
from edgegym.lifecycle.learners import NoLearner
from edgegym.lifecycle.rounds import Lifecycle
from edgegym.lifecycle.state import EndCode

LIMITS = 5, 4  # rounds of either stage
STRAIN_LIMIT = 6.0
INITIAL_LOSS = 8.0


class Work(NamedTuple):
    """What a round of a plain system asks for, by copy."""

    advance: Any
    delay_s: Any
    energy_j: Any


class Draw(NamedTuple):
    is_slow: Any


class PlainRules:
    """Two stages; a round costs what is asked for, and its delay counts twice where it is drawn."""

    stages, round_limits, n_own_sums = ("first", "second"), LIMITS, 1
    decision, parts, shown = Work, (), ()
    measures, rewards, limits = ("strain",), ("strain",), ("strain",)
    initial_loss, is_random = INITIAL_LOSS, True

    def __init__(self, delay_budget_s, energy_budget_j):
        self.scenario = SimpleNamespace(
            delay_budget_s=delay_budget_s, energy_budget_j=energy_budget_j
        )

    def draws_anew(self, stage):
        return True

    def draw(self, seeds, totals):
        return Draw((seeds + totals[2] + totals[3]) % 3 == 0)

    def added(self, stage, decision, draw):
        factor = np.where(draw.is_slow, 2, 1)
        first = stage == 0
        return np.stack(
            [factor * decision.delay_s, decision.energy_j, first, ~first, decision.energy_j / 2]
        ).astype(float)

    def measure(self, totals):
        return 1 + totals[4:]

    def used(self, totals):
        return totals[4:] / STRAIN_LIMIT


class AlikeRules(PlainRules):
    """The same, where nothing is ever slow, and so every round is like the one before."""

    def draws_anew(self, stage):
        return False

    def draw(self, seeds, totals):
        return Draw(np.zeros(seeds.size, dtype=bool))


class CountingLearner:
    """Loses one of its loss a round; its loss of the round that its seed names is not a number."""

    def __init__(self, n_copies, interval):
        self.interval, self.loss = interval, np.full(n_copies, INITIAL_LOSS)
        self.n_trained, self.last = np.zeros(n_copies, int), np.full(n_copies, math.inf)
        self.rounds = []

    def begin(self, copies, seeds):
        for copy, seed in zip(copies, seeds, strict=True):
            self.loss[copy], self.n_trained[copy] = INITIAL_LOSS, 0
            self.last[copy] = last_round(seed)

    def train(self, stage, round_index, decision, running):
        self.n_trained = self.n_trained + running
        self.loss = self.loss - running
        self.rounds.append((stage.tolist(), round_index.tolist(), running.tolist()))
        return np.where(running & (self.n_trained >= self.last), math.nan, self.loss)

    def validate(self, copies):
        return self.loss[copies] / 2, self.n_trained[copies] / 100


def last_round(seed):
    """The round in which training turns non-finite, of every fourth seed."""
    return 1 + seed % 5 if seed % 4 == 0 else math.inf


@dataclass
class Reference:
    """One episode, by the rules as they are written down."""

    seed: int
    delay_budget_s: float
    energy_budget_j: float
    is_hard: bool
    rounds_per_step: int
    interval: float
    stage: int = 0
    end_code: EndCode = EndCode.RUNNING
    delay_s: float = 0.0
    energy_j: float = 0.0
    rounds: list = field(default_factory=lambda: [0, 0])
    loss: float = INITIAL_LOSS
    validation: tuple = (INITIAL_LOSS / 2, 0.0)
    n_trained: int = 0
    n_unseen: int = 0

    def __post_init__(self):
        if self.interval == math.inf:
            self.validation = (INITIAL_LOSS, 0.0)
        else:
            self.loss = INITIAL_LOSS / 2  # before the first mini-batch it is the validation's
        self.first_validation = self.validation

    def step(self, advances, delay_s, energy_j, is_last):
        if advances:
            self.stage += 1
            if self.stage == 2:
                self.end_code = EndCode.FINISHED
        else:
            stage = self.stage
            for _ in range(self.rounds_per_step):
                if self.stage == stage and not self.end_code:
                    self.run_round(delay_s, energy_j)
        if self.interval < math.inf:
            self.look(is_last)

    def run_round(self, delay_s, energy_j):
        slow = (self.seed + sum(self.rounds)) % 3 == 0
        delay_s = self.delay_s + (2 if slow else 1) * delay_s
        energy_j = self.energy_j + energy_j
        if self.is_hard and delay_s > self.delay_budget_s * (1 + 1e-9):
            self.end_code = EndCode.DELAY_BUDGET
            return
        if self.is_hard and energy_j > self.energy_budget_j * (1 + 1e-9):
            self.end_code = EndCode.ENERGY_BUDGET
            return
        self.delay_s, self.energy_j = delay_s, energy_j
        self.rounds[self.stage] += 1
        self.n_unseen += 1
        if self.interval < math.inf:
            self.n_trained += 1
            self.loss = INITIAL_LOSS - self.n_trained
            if self.n_trained >= last_round(self.seed):
                self.end_code = EndCode.DIVERGED
                return
        if self.rounds[self.stage] == LIMITS[self.stage]:
            if self.stage == 1:
                self.end_code = EndCode.ROUND_LIMIT
            else:
                self.stage = 1

    def look(self, is_last):
        if self.end_code == EndCode.DIVERGED:
            self.validation, self.loss = self.first_validation, self.first_validation[0]
        elif self.n_unseen >= self.interval or (self.n_unseen and (self.end_code or is_last)):
            self.validation = ((INITIAL_LOSS - self.n_trained) / 2, self.n_trained / 100)
            self.n_unseen = 0

    def excess(self):
        used = [
            self.delay_s / self.delay_budget_s,
            self.energy_j / self.energy_budget_j,
            self.energy_j / 2 / STRAIN_LIMIT,
        ]
        return [max(ratio - 1, 0) if ratio > 1 + 1e-9 else 0 for ratio in used]

    def shown(self):
        return {
            "stage": self.stage,
            "round": self.rounds[min(self.stage, 1)],
            "loss": self.loss,
            "validation_loss": self.validation[0],
            "validation_accuracy": self.validation[1],
            "delay_s": self.delay_s,
            "energy_j": self.energy_j,
            "delay_left_s": self.delay_budget_s - self.delay_s,
            "energy_left_j": self.energy_budget_j - self.energy_j,
            "strain": 1 + self.energy_j / 2,
            "end_code": self.end_code,
            "is_success": bool(self.end_code)
            and self.end_code != EndCode.DIVERGED
            and not any(self.excess()),
        }


N_COPIES = 4
COSTS = st.sampled_from([0.25, 0.5, 1.0, 2.0])
ADVANCES = st.sampled_from([0, 0, 0, 1])
STEP = st.lists(
    st.tuples(ADVANCES, COSTS, COSTS),
    min_size=N_COPIES,
    max_size=N_COPIES,
)


@given(
    steps=st.lists(STEP, min_size=1, max_size=14),
    seeds=st.lists(st.integers(0, 20), min_size=N_COPIES, max_size=N_COPIES),
    budgets=st.tuples(*[st.sampled_from([2.0, 4.5, 9.0, 100.0, math.inf])] * 2),
    is_hard=st.booleans(),
    rounds_per_step=st.integers(1, 7),
    interval=st.sampled_from([1, 3, 50, math.inf]),
    last=st.integers(0, 20),
)
def test_every_step_is_that_of_the_reference(
    steps, seeds, budgets, is_hard, rounds_per_step, interval, last
):
    rules = PlainRules(*budgets)
    learns = interval < math.inf
    learner = CountingLearner(N_COPIES, interval) if learns else NoLearner(INITIAL_LOSS)
    lifecycle = Lifecycle(rules, learner, "hard" if is_hard else "soft", rounds_per_step)
    everyone = np.ones(N_COPIES, dtype=bool)
    state = lifecycle.begin(lifecycle.blank(N_COPIES), everyone, np.array(seeds))
    references = [Reference(seed, *budgets, is_hard, rounds_per_step, interval) for seed in seeds]
    for number, step in enumerate(steps):
        before, playing = state, ~state.ended
        asked = Work(*(np.array(values) for values in zip(*step, strict=True)))
        state = lifecycle.step(
            before, asked, asked.advance == 1, playing, np.full(N_COPIES, number == last)
        )
        info = InfoWriter(lifecycle.rules).many(before, state)
        for copy, (reference, values) in enumerate(zip(references, step, strict=True)):
            excess = reference.excess()
            if playing[copy]:
                reference.step(*values, number == last)
            got = {key: value[copy] for key, value in info.items()}
            for key, value in reference.shown().items():
                assert got[key] == value or got[key] == pytest.approx(value), key
            added = [b - a for a, b in zip(excess, reference.excess(), strict=True)]
            assert got["cost"] == pytest.approx(sum(max(x, 0) for x in added))
            assert got["cost_strain"] == pytest.approx(reference.excess()[2])
            assert state.totals[2:4, copy].tolist() == reference.rounds
            assert state.rounds_unseen[copy] == reference.n_unseen
    if learns:
        assert learner.n_trained.tolist() == [reference.n_trained for reference in references]


def one_copy(learner=None, delay_budget_s=10.0, energy_budget_j=100.0, **kwargs):
    """Open an episode of seed 1, whose rounds 2, 5 and 8 are slow."""
    rules = PlainRules(delay_budget_s, energy_budget_j)
    lifecycle = Lifecycle(rules, learner or NoLearner(INITIAL_LOSS), **kwargs)
    state = lifecycle.begin(lifecycle.blank(1), np.array([True]), np.array([1]))
    return lifecycle, state


def play(lifecycle, state, *decisions, last=False):
    """Play decisions of one copy, None to move on."""
    yes, no = np.array([True]), np.array([False])
    for decision in decisions:
        asked = Work(no, *(np.array([value]) for value in decision or (0.0, 0.0)))
        state = lifecycle.step(state, asked, no if decision else yes, yes, np.array([last]))
    return state


def test_a_budget_worked_by_hand():
    # Delays 3 + 3 + 2 * 3 would be 12 s of 10.
    hard = play(*one_copy(), *[(3.0, 1.0)] * 3)
    assert hard.totals[:, 0].tolist() == [6.0, 2.0, 2, 0, 1.0]
    assert hard.end_code == EndCode.DELAY_BUDGET and not hard.excess.any()
    soft = play(*one_copy(budgets="soft"), *[(3.0, 1.0)] * 3)
    assert soft.totals[:, 0].tolist() == [12.0, 3.0, 3, 0, 1.5]
    assert soft.end_code == EndCode.RUNNING and soft.excess[:, 0] == pytest.approx([0.2, 0, 0])


def test_where_both_budgets_are_exceeded_it_is_the_delay():
    state = play(*one_copy(energy_budget_j=1.0), (11.0, 2.0))
    assert state.end_code == EndCode.DELAY_BUDGET
    assert play(*one_copy(energy_budget_j=1.0), (9.0, 2.0)).end_code == EndCode.ENERGY_BUDGET


def test_a_budget_is_met_but_for_rounding():
    lifecycle, state = one_copy(delay_budget_s=0.1 + 0.2 - 1e-12)
    state = play(lifecycle, state, (0.1, 0.0), (0.2, 0.0))
    assert state.end_code == EndCode.RUNNING and not state.excess.any()


def test_a_system_without_an_energy_budget_spends_as_much_as_it_likes():
    state = play(*one_copy(energy_budget_j=None), (1.0, 1e300))
    assert state.end_code == EndCode.RUNNING and not state.excess[1].any()


def test_a_repeated_decision_ends_with_its_stage():
    lifecycle, state = one_copy(rounds_per_step=3, delay_budget_s=100.0)
    stages = []
    for _ in range(4):
        state = play(lifecycle, state, (1.0, 0.0))
        stages.append((int(state.stage[0]), *state.totals[2:4, 0]))
    assert stages == [(0, 3, 0), (1, 5, 0), (1, 5, 3), (1, 5, 4)]
    assert state.end_code == EndCode.ROUND_LIMIT


@given(
    decisions=st.lists(st.tuples(COSTS, COSTS), min_size=3, max_size=3),
    budgets=st.tuples(*[st.sampled_from([2.1, 4.5, 9.3, 100.0])] * 2),
    is_hard=st.booleans(),
    rounds_per_step=st.integers(2, 9),
    at_once=st.integers(1, 10),
)
def test_rounds_that_are_alike_add_up_as_one_after_another(
    decisions, budgets, is_hard, rounds_per_step, at_once
):
    rules, everyone = AlikeRules(*budgets), np.ones(3, dtype=bool)
    states = []
    for each in (1, rounds_per_step):
        lifecycle = Lifecycle(rules, NoLearner(INITIAL_LOSS), "hard" if is_hard else "soft", each)
        state = lifecycle.begin(lifecycle.blank(3), everyone, np.arange(3))
        costs = np.array(decisions).T / 3  # so that sums have to be rounded
        for _ in range(rounds_per_step // each):
            asked, nobody = Work(~everyone, *costs), ~everyone
            playing = (state.stage == 0) & ~state.ended  # what is repeated ends with its stage
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(rounds, "AT_ONCE", at_once)
                state = lifecycle.step(state, asked, nobody, playing, nobody)
        states.append(state)
    for one_by_one, at_once_too in zip(*states, strict=True):
        assert np.array_equal(one_by_one, at_once_too)


def test_copies_that_do_not_play_stay_as_they_are_whatever_they_ask_for():
    lifecycle = Lifecycle(PlainRules(10.0, 10.0), CountingLearner(2, 1))
    state = lifecycle.begin(lifecycle.blank(2), np.array([True, True]), np.array([1, 2]))
    both = np.array([True, True])
    asked = Work(both, np.array([1.0, math.nan]), np.array([1.0, math.inf]))
    for advancing in (~both, both):
        after = lifecycle.step(state, asked, advancing, np.array([True, False]), ~both)
        for key in ("stage", "end_code", "loss", "rounds_unseen"):
            assert getattr(after, key)[1] == getattr(state, key)[1]
        assert np.array_equal(after.totals[:, 1], state.totals[:, 1])
    assert lifecycle.learner.n_trained.tolist() == [1, 0]


def test_the_learner_hears_of_rounds_by_their_number_in_the_stage():
    learner = CountingLearner(1, 50)
    lifecycle, state = one_copy(learner, rounds_per_step=2)
    play(lifecycle, state, (0.1, 0.0), None, (0.1, 0.0))
    assert [(stage, number) for (stage,), (number,), _ in learner.rounds] == [
        *((0, 0), (0, 1)),
        *((1, 0), (1, 1)),
    ]


def test_a_diverged_copy_runs_no_further_round_and_counts_as_its_first_validation():
    lifecycle = Lifecycle(PlainRules(100.0, 100.0), CountingLearner(2, 50), rounds_per_step=4)
    both = np.array([True, True])
    first = lifecycle.begin(lifecycle.blank(2), both, np.array([16, 1]))  # 16 ends in round 2
    asked = Work(~both, *np.ones((2, 2)))
    state = lifecycle.step(first, asked, ~both, both, ~both)
    assert state.end_code.tolist() == [EndCode.DIVERGED, EndCode.RUNNING]
    assert state.totals[2].tolist() == [2, 4] and lifecycle.learner.n_trained.tolist() == [2, 4]
    assert state.loss[0] == state.validation[0, 0] == first.validation[0, 0]
    assert state.loss[1] == INITIAL_LOSS - 4
    assert not InfoWriter(lifecycle.rules).many(first, state)["is_success"].any()


def test_a_validation_loss_that_is_no_number_ends_the_episode_as_diverged():
    class Lost(CountingLearner):
        def validate(self, copies):
            loss, accuracy = super().validate(copies)
            return np.where(self.n_trained[copies] > 0, math.inf, loss), accuracy

    lifecycle, state = one_copy(Lost(1, 2))
    state = play(lifecycle, state, (0.1, 0.0))
    assert state.end_code == EndCode.RUNNING
    state = play(lifecycle, state, (0.1, 0.0))
    assert state.end_code == EndCode.DIVERGED
    assert state.validation[:, 0].tolist() == [INITIAL_LOSS / 2, 0.0]


def test_the_last_step_is_looked_at_whenever_something_is_unseen():
    lifecycle, state = one_copy(CountingLearner(1, 50))
    state = play(lifecycle, state, (0.1, 0.0))
    assert state.validation[0] == INITIAL_LOSS / 2 and state.rounds_unseen == 1
    state = play(lifecycle, state, (0.1, 0.0), last=True)
    assert state.validation[0] == (INITIAL_LOSS - 2) / 2 and state.rounds_unseen == 0


def test_beginning_in_some_copies_leaves_the_others():
    lifecycle = Lifecycle(PlainRules(10.0, 10.0), CountingLearner(2, 1))
    both = np.array([True, True])
    state = lifecycle.begin(lifecycle.blank(2), both, np.array([1, 2]))
    asked = Work(~both, *np.ones((2, 2)))
    played = lifecycle.step(state, asked, ~both, both, ~both)
    again = lifecycle.begin(played, np.array([False, True]), np.array([7, 7]))
    assert again.seed.tolist() == [1, 7]
    for key in ("totals", "validation", "loss", "stage", "measured"):
        new, old, start = (getattr(each, key) for each in (again, played, state))
        assert np.array_equal(new[..., 0], old[..., 0])
        assert np.array_equal(new[..., 1], start[..., 1])
