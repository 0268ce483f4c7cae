from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgegym import InputError
from edgegym.lifecycle.codec import ActionCodec
from edgegym.lifecycle.discrete import Assignment, Choice


class Ranks(NamedTuple):
    rank: Any


RANKS = ActionCodec(Ranks, [Choice("rank", (1, 2, 8))])


@given(arrays(float, 3, elements=st.sampled_from([-1.0, -0.5, 0.0, 0.1, 1.0])))
def test_the_largest_entry_chooses_the_first_of_equals(action):
    chosen = RANKS.decode(action).rank
    assert chosen == (1, 2, 8)[int(np.argmax(action))]
    assert RANKS.decode(RANKS.encode(Ranks(chosen)).astype(np.float32)).rank == chosen


def test_choices_of_copies_are_those_of_each():
    actions = np.array([[1.0, 0.0, -1.0], [-1.0, 0.0, 1.0]])
    assert RANKS.decode(actions, (2,)).rank.tolist() == [1, 8]


def test_what_is_no_option_is_refused():
    with pytest.raises(InputError) as caught:
        RANKS.encode(Ranks(4))
    assert str(caught.value) == "rank must be one of 1, 2, 8; got 4. Choose one of them."


def codec_of(able, alone=None):
    alone = np.zeros(able.shape[1], dtype=bool) if alone is None else alone
    return ActionCodec(Takers, [Assignment("taker", able, alone)])


class Takers(NamedTuple):
    taker: Any


@st.composite
def pairs(draw):
    """Who is able, so that some matching is, and scores."""
    n_items = draw(st.integers(1, 4))
    n_takers = draw(st.integers(n_items, 5))
    able = draw(arrays(bool, (n_items, n_takers)))
    able[range(n_items), draw(st.permutations(range(n_takers)))[:n_items]] = True
    scores = draw(arrays(float, n_items * n_takers, elements=st.floats(-1, 1, width=16)))
    return able, scores


@given(pairs())
def test_the_matching_that_is_read_has_the_largest_sum_of_the_able_ones(drawn):
    able, scores = drawn
    taker = codec_of(able).decode(scores).taker.astype(int)
    table = scores.reshape(able.shape)
    sums = {
        other: table[range(len(able)), other].sum()
        for other in permutations(range(able.shape[1]), len(able))
        if able[range(len(able)), other].all()
    }
    assert sums[tuple(taker)] == pytest.approx(max(sums.values()), abs=1e-12)


@given(pairs())
def test_a_matching_is_written_and_read_again_exactly(drawn):
    able, _ = drawn
    codec = codec_of(able)
    for other in permutations(range(able.shape[1]), len(able)):
        if able[range(len(able)), other].all():
            assert codec.decode(codec.encode(Takers(other))).taker.tolist() == list(other)
        else:
            with pytest.raises(InputError, match=r"taker must hold .* of who is able; got"):
                codec.encode(Takers(other))


@given(pairs(), st.integers(0, 4))
def test_who_may_take_all_does_so_where_its_scores_sum_to_more(drawn, k):
    able, scores = drawn
    k = min(k, able.shape[1] - 1)
    codec = codec_of(able, np.arange(able.shape[1]) == k)
    if len(able) > 1:
        all_to_one = np.full(len(able), k)
        assert codec.decode(codec.encode(Takers(all_to_one))).taker.tolist() == all_to_one.tolist()
        with pytest.raises(InputError, match="taker must hold"):
            codec_of(able).encode(Takers(all_to_one))
    matched = codec_of(able).decode(scores).taker.astype(int)
    table = scores.reshape(able.shape)
    beats = table[:, k].sum() > table[range(len(able)), matched].sum() + 1e-9
    read = codec.decode(scores).taker
    assert (read == k).all() if beats else len(able) == 1 or read.tolist() == matched.tolist()


def test_assignments_of_copies_are_those_of_each():
    able = np.ones((3, 5), dtype=bool)
    codec = codec_of(able, np.ones(5, dtype=bool))
    actions = np.random.default_rng(0).uniform(-1, 1, (100, 15))
    together = codec.decode(actions, (100,)).taker
    assert np.array_equal(together, [codec.decode(action).taker for action in actions])
    assert np.unique(together).size == 5


@pytest.mark.parametrize("wrong", [[0, 0, 1], [0, 1], [0, 1, 5], [0, 1, 0.5], [-1, 1, 2]])
def test_what_is_no_matching_is_refused(wrong):
    codec = codec_of(np.ones((3, 5), dtype=bool))
    with pytest.raises(InputError, match="taker must hold 3 different indices below 5"):
        codec.encode(Takers(wrong))
