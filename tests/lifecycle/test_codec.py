from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgegym import InputError, load_scenario
from edgegym.lifecycle.codec import ActionCodec
from edgegym.lifecycle.parts import LEAST_SHARE, Simplex
from edgegym.systems.partitioned.rules import PartitionedRules
from edgegym.systems.two_stage.decision import Decision
from edgegym.systems.two_stage.rules import TwoStageRules


def codec_of(rules):
    return ActionCodec(rules.decision, rules.parts)


CODEC = codec_of(TwoStageRules(load_scenario("mnist")))


@given(arrays(float, 12, elements=st.floats(-1, 1)))
def test_encoding_undoes_decoding(action):
    decision = CODEC.decode(action)
    again = CODEC.decode(CODEC.encode(decision))
    assert again.advance == decision.advance
    assert again.server_batch_size == decision.server_batch_size
    assert np.array_equal(again.finetune_batch_size, decision.finetune_batch_size)
    for key in ("server_clock_hz", "device_clock_hz", "device_tx_power_w"):
        assert getattr(again, key) == pytest.approx(getattr(decision, key), rel=1e-12)


@given(st.integers(1, 700), arrays(int, 3, elements=st.integers(1, 700)))
def test_every_whole_batch_survives_even_float32(server, devices):
    decision = Decision(False, server, 1e9, devices, np.full(3, 1e8), np.full(3, 0.1))
    again = CODEC.decode(CODEC.encode(decision).astype(np.float32))
    assert again.server_batch_size == server
    assert np.array_equal(again.finetune_batch_size, devices)


def test_the_ends_are_the_floors_and_the_limits():
    low, high = CODEC.decode(-np.ones(12)), CODEC.decode(np.ones(12))
    assert (low.server_batch_size, high.server_batch_size) == (1, 700)
    assert low.server_clock_hz == pytest.approx(16e6)
    assert high.device_clock_hz == pytest.approx(360e6)
    assert low.device_tx_power_w == pytest.approx(0.5e-4)
    assert not low.advance and high.advance


def test_values_outside_the_box_are_clipped():
    inside, outside = CODEC.decode(np.ones(12)), CODEC.decode(np.full(12, 7.0))
    assert inside.server_clock_hz == outside.server_clock_hz
    assert CODEC.decode(np.full(12, np.inf)).server_batch_size == 700


@pytest.mark.parametrize("shape", [(11,), (13,), (1, 12), ()])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(InputError, match=r"action must have shape \(12,\); got shape"):
        CODEC.decode(np.zeros(shape))


def test_a_nan_is_refused_with_its_index():
    action = np.zeros(12)
    action[4] = np.nan
    with pytest.raises(InputError, match="action must hold numbers only; got NaN at index 4"):
        CODEC.decode(action)


@pytest.mark.parametrize("clock", [15e6, 1.7e9])
def test_what_the_box_does_not_hold_is_refused(clock):
    decision = Decision(False, 10, clock, np.ones(3), np.full(3, 1e8), np.full(3, 0.1))
    with pytest.raises(InputError, match=r"entry 2 .* must lie in \[1.6e\+07, 1.6e\+09\]"):
        CODEC.encode(decision)


def test_a_limit_of_one_sample_is_allowed():
    codec = codec_of(TwoStageRules(load_scenario("mnist").replace(pretrain_batch_size_limit=1)))
    decision = codec.decode(np.zeros(12))
    assert codec.decode(codec.encode(decision)).server_batch_size == 1


def test_a_value_that_a_stage_does_not_use_is_written_as_its_limit():
    unused = Decision(False, 10, 1e9, None, None, None)
    assert CODEC.encode(unused)[3:].tolist() == [1.0] * 9


def test_copies_lie_row_by_row():
    actions = np.random.default_rng(0).uniform(-1, 1, (4, 12))
    together = CODEC.decode(actions, (4,))
    for copy, action in enumerate(actions):
        alone = CODEC.decode(action)
        assert all(np.array_equal(a[copy], b) for a, b in zip(together, alone, strict=True))
    with pytest.raises(InputError, match=r"action must have shape \(3, 12\); got shape \(4, 12\)"):
        CODEC.decode(actions, (3,))


#: Five groups of ten workers in one band, and the same with a share of each direction's.
COMMON = codec_of(PartitionedRules(load_scenario("partitioned-digits")))
SEPARATE = codec_of(
    PartitionedRules(load_scenario("partitioned-digits").replace(bandwidth_sharing="separate"))
)


def test_where_there_is_one_stage_no_entry_advances():
    assert (COMMON.size, SEPARATE.size) == (15, 25)
    assert not COMMON.has_advance
    assert not COMMON.advances(COMMON.decode(np.ones(15)))


@given(arrays(float, 25, elements=st.floats(-1, 1)))
def test_encoding_undoes_decoding_of_shares_and_blocks(action):
    decision = SEPARATE.decode(action)
    again = SEPARATE.decode(SEPARATE.encode(decision))
    assert np.array_equal(again.block_size, decision.block_size)
    assert decision.block_size.sum() == 7850 and (decision.block_size >= 0).all()
    assert np.array_equal(decision.block_size, np.rint(decision.block_size))
    for key in ("downlink_share", "uplink_share"):
        share = getattr(decision, key)
        assert share.sum() == pytest.approx(1)
        assert getattr(again, key) == pytest.approx(share, rel=1e-9)


def test_shares_are_a_softmax_over_six_decades():
    action = np.r_[np.zeros(5), 1.0, 0.5, 0.0, -0.5, -1.0, -np.ones(5)]
    share = COMMON.decode(action).bandwidth_share
    ratios = share / share[0]
    assert ratios[:5] == pytest.approx([1, 10**-1.5, 1e-3, 10**-4.5, 1e-6])
    assert ratios[-1] == pytest.approx(LEAST_SHARE)


class Blocks(NamedTuple):
    block_size: Any


@given(st.lists(st.integers(0, 500), min_size=2, max_size=9).filter(any))
def test_whole_blocks_survive_where_they_sum_to_the_total(blocks):
    part = Simplex("block_size", len(blocks), total=sum(blocks))
    codec = ActionCodec(Blocks, [part])
    assert codec.decode(codec.encode(Blocks(blocks))).block_size.tolist() == blocks


def test_minus_one_is_no_block_and_all_minus_one_are_equal():
    action = np.zeros(15)
    action[:5] = [-1, 0.2, -1, 0.2, 0.2 + 1e-6]
    assert COMMON.decode(action).block_size.tolist() == [0, 2617, 0, 2616, 2617]
    action[:5] = -1
    assert COMMON.decode(action).block_size.tolist() == [1570] * 5
    assert COMMON.decode(-np.ones(15)).bandwidth_share == pytest.approx(np.full(10, 0.1))
    action[:5] = [-1, -1 + 1e-6, -1, -1, -1]  # the least that is not none, and alone
    assert COMMON.decode(action).block_size.tolist() == [0, 7850, 0, 0, 0]
