from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgegym import InputError
from edgegym.lifecycle.codec import ActionCodec
from edgegym.lifecycle.parts import Assignment, largest_remainder


@given(st.integers(1, 10_000), arrays(float, (3, 4), elements=st.floats(0.01, 1)))
def test_largest_remainders_go_up(total, weights):
    parts = total * weights / weights.sum(axis=-1, keepdims=True)
    whole = largest_remainder(parts, total)
    assert (whole.sum(axis=-1) == total).all()
    assert (np.abs(whole - parts) < 1).all()
    for row, exact in zip(whole, parts, strict=True):
        up = row > exact
        assert not up.any() or up.all() or (exact % 1)[up].min() >= (exact % 1)[~up].max() - 1e-9


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
            with pytest.raises(InputError, match="taker must hold .* of who is able; got"):
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
