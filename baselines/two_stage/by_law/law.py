"""The emulator's law along a whole plan at once, and its gradient.

Without noise a round moves the progress by v(z)·B/(B + b), so that after some rounds it depends on
ΣB/(B + b) alone: on how far it is along one course, that of rounds with endless batches, which the
emulator itself runs once. A plan of thousands of rounds is then two sums, and what one sample more
in any of its rounds does to the final loss follows by the chain rule.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from edgegym.physics import Array
from edgegym.systems.two_stage.emulator import NOISE_KNOTS, SHIFT_KNOTS, Emulated, Emulator

#: Equally likely lucks of initial weights, over which the loss is expected.
LUCKS = ndtri((np.arange(10) + 0.5) / 10)
#: Samples of a batch that is as good as endless.
ENDLESS = 1e15
#: Share of a round's noise below which it counts as forgotten.
FORGOTTEN = 1e-9


class Law(NamedTuple):
    """The emulator as a plan needs it."""

    emulator: Emulator
    course: Array  # progress after 0, 1, ... rounds of endless batches, from the least lucky start
    start: "Point"  # where lucks begin, along it
    finetunes: bool  # whether they begin within fine-tuning


class Stage(NamedTuple):
    """The rounds of a stage; a first one of which there is but a part has a share below 1."""

    batch_size: Array  # (R,) samples, over all devices
    share: Array  # (R,)


class Foretold(NamedTuple):
    """A loss, and by how much a sample more in a round, or more of a round, changes it."""

    loss: float  # nats, expected over lucks
    pretrain: Stage
    finetune: Stage


class Point(NamedTuple):
    """Where lucks stand, or how the loss changes by it, (L,) each."""

    along: Array  # rounds along the course
    excess_loss: Array


class _Noise(NamedTuple):
    """The rounds of a stage whose noise is not forgotten at its end."""

    rounds: slice
    along: Array  # (L, rounds) along the course before each
    kept: Array  # (rounds,) share that is left at the end


def make_law(
    emulator: Emulator, n_rounds: int, start: Emulated | None = None, finetunes: bool = False
) -> Law:
    """Run the course of as many rounds as a plan can have.

    Parameters
    ----------
    emulator : whose law it is
    n_rounds : at most
    start : where (L,) lucks stand; untrained where none is given
    finetunes : whether that is within fine-tuning

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> from edgegym.systems.two_stage.emulator_file import load_emulator
    >>> law = make_law(load_emulator(load_scenario("mnist")), 100)
    >>> bool(np.all(np.diff(law.course) > 0)), float(law.start.along[0]), law.start.along.size
    (True, 0.0, 10)
    """
    begun, excess = start or emulator.start(LUCKS)
    state, course = Emulated(begun.min(), np.array(0.0)), [begun.min()]
    while n_rounds > 0:
        state = emulator.descend(state, ENDLESS)
        n_rounds -= bool(state.progress >= begun.max() or state.progress == course[-1])
        course.append(state.progress)
    along = np.interp(begun, course, np.arange(len(course)))
    return Law(emulator, np.array(course), Point(along, excess), finetunes)


def foretell(law: Law, pretrain: Stage, finetune: Stage) -> Foretold:
    """Foretell the loss on the target domain after both stages, with its gradient.

    Examples
    --------
    Samples are worth more in the last rounds than before:

    >>> from edgegym import load_scenario
    >>> from edgegym.systems.two_stage.emulator_file import load_emulator
    >>> law = make_law(load_emulator(load_scenario("mnist")), 1400)
    >>> told = foretell(law, Stage(np.full(500, 20.0), np.ones(500)),
    ...                 Stage(np.full(900, 50.0), np.ones(900)))
    >>> 0 < told.loss < 0.3, bool(told.finetune.batch_size[-1] < told.finetune.batch_size[0] < 0)
    (True, True)
    """
    left, before = pass_stage(law, law.start, pretrain)
    if not (finetune.batch_size.size or law.finetunes):
        loss, back = _shifted_loss(law, left)
        by_finetune = finetune
    else:
        entered = left if law.finetunes else hand_over(law, left)
        ended, after = pass_stage(law, entered, finetune)
        loss, back = _loss(law, ended)
        back, by_finetune = pull_stage(law, finetune, after, back)
        back = back if law.finetunes else pull_hand_over(law, left, back)
    _, by_pretrain = pull_stage(law, pretrain, before, back)
    return Foretold(loss, by_pretrain, by_finetune)


def pass_stage(law: Law, entered: Point, stage: Stage) -> tuple[Point, tuple[_Noise, Point]]:
    """Run a stage; also give what the way back needs."""
    emulator, (batch, share) = law.emulator, stage
    keeps = 1 - emulator.relaxation
    after = np.sum(share) - np.cumsum(share)  # rounds after each
    last = _remembered(keeps, batch.size)
    gained = share * batch / (batch + emulator.half_speed_batch_size)
    along = entered.along[:, np.newaxis] + (np.cumsum(gained) - gained)[last]
    kept = keeps ** after[last]
    noise = np.interp(_progress(law, along), NOISE_KNOTS, emulator.noise)
    excess = entered.excess_loss * keeps ** share.sum()
    excess = excess + noise @ (kept * share[last] / batch[last])
    return Point(entered.along + gained.sum(), excess), (_Noise(last, along, kept), entered)


def _remembered(keeps: float, n_rounds: int) -> slice:
    """Give the last rounds of a stage, whose noise is not forgotten at its end."""
    n = n_rounds if keeps == 1 else int(np.log(FORGOTTEN) / np.log(max(keeps, FORGOTTEN))) + 1
    return slice(max(n_rounds - n, 0), n_rounds)


def pull_stage(
    law: Law, stage: Stage, passed: tuple[_Noise, Point], back: Point
) -> tuple[Point, Stage]:
    """Go back through a stage, from how the loss changes by its end to how by all before."""
    emulator, (batch, share), (noise, entered) = law.emulator, stage, passed
    half, keeps = emulator.half_speed_batch_size, 1 - emulator.relaxation
    (last, along, kept), left = noise, keeps ** np.sum(share)
    progress = _progress(law, along)
    level = back.excess_loss @ np.interp(progress, NOISE_KNOTS, emulator.noise)
    slope = _slope(progress, NOISE_KNOTS, np.asarray(emulator.noise)) * _speed(law, along)
    moved = back.excess_loss[:, np.newaxis] * slope * (kept * share[last] / batch[last])
    by_gained = np.full(batch.size, back.along.sum())
    later = np.cumsum(moved.sum(axis=0)[::-1])[::-1]  # what is gained moves all rounds after it
    by_gained[: last.start] += later[0] if later.size else 0.0
    by_gained[last] += np.append(later[1:], 0.0)[: later.size]
    by_batch = by_gained * share * half / (batch + half) ** 2
    by_batch[last] -= level * kept * share[last] / batch[last] ** 2
    by_share = by_gained * batch / (batch + half)
    by_share[last] += level * kept / batch[last]
    by_share += back.excess_loss @ entered.excess_loss * left * np.log(max(keeps, FORGOTTEN))
    entering = Point(back.along + moved.sum(axis=1), back.excess_loss * left)
    return entering, Stage(by_batch, by_share)


def hand_over(law: Law, left: Point) -> Point:
    """Move on from pre-training to fine-tuning, as the emulator does."""
    moved = law.emulator.hand_over(Emulated(_progress(law, left.along), left.excess_loss))
    rounds = np.arange(law.course.size)
    return Point(np.interp(moved.progress, law.course, rounds), moved.excess_loss)


def pull_hand_over(law: Law, left: Point, back: Point) -> Point:
    """Go back through the hand-over, as `pull_stage` goes through a stage."""
    emulator, before = law.emulator, _progress(law, left.along)
    after = emulator.hand_over(Emulated(before, left.excess_loss)).progress
    by_progress = np.where(before > 0, emulator.transfer, 1.0)
    rounds_by_progress = by_progress / np.maximum(_speed(law, hand_over(law, left).along), 1e-300)
    excess = _shifted_slope(law, before) - _valley_slope(law, after) * by_progress
    along = back.along * rounds_by_progress + back.excess_loss * excess
    return Point(along * _speed(law, left.along), back.excess_loss)


def _loss(law: Law, ended: Point) -> tuple[float, Point]:
    progress = _progress(law, ended.along)
    losses = law.emulator.loss(Emulated(progress, ended.excess_loss))
    slope = _valley_slope(law, progress) * _speed(law, ended.along)
    return float(losses.mean()), Point(slope / losses.size, np.full_like(slope, 1 / losses.size))


def _shifted_loss(law: Law, left: Point) -> tuple[float, Point]:
    progress = _progress(law, left.along)
    losses = law.emulator.shifted_loss(Emulated(progress, left.excess_loss))
    slope = _shifted_slope(law, progress) * _speed(law, left.along)
    return float(losses.mean()), Point(slope / losses.size, np.full_like(slope, 1 / losses.size))


def _progress(law: Law, along: Array) -> Array:
    return np.interp(along, np.arange(law.course.size), law.course)


def _speed(law: Law, along: Array) -> Array:
    """Give the progress of a round along the course."""
    return np.append(np.diff(law.course), 0.0)[along.astype(int)]


def _slope(x: Array, knots: Array, values: Array) -> Array:
    """Give the slope of what `np.interp` gives."""
    slopes = np.concatenate([[0.0], np.diff(values) / np.diff(knots), [0.0]])
    return slopes[np.searchsorted(knots, x, side="right")]


def _valley_slope(law: Law, progress: Array) -> Array:
    valley = law.emulator.loss(Emulated(progress, np.array(0.0)))
    return -valley * (1 - valley / law.emulator.guess_loss)


def _shifted_slope(law: Law, progress: Array) -> Array:
    emulator = law.emulator
    factor = np.exp(np.interp(progress, SHIFT_KNOTS, emulator.shift))
    slope = _slope(progress, SHIFT_KNOTS, np.asarray(emulator.shift))
    valley = emulator.loss(Emulated(progress, np.array(0.0)))
    return factor * (slope * valley + _valley_slope(law, progress))
