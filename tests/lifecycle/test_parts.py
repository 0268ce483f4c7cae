import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgegym import InputError, load_scenario
from edgegym.envs.action import ActionCodec
from edgegym.systems.two_stage.decision import Decision

CODEC = ActionCodec(load_scenario("mnist"))


@given(arrays(float, 12, elements=st.floats(-1, 1)))
def test_encoding_undoes_decoding(action):
    decision = CODEC.decode(action)
    again = CODEC.decode(CODEC.encode(decision))
    assert again.advance == decision.advance
    assert again.server_batch_size == decision.server_batch_size
    assert np.array_equal(again.batch_size, decision.batch_size)
    for key in ("server_clock_hz", "clock_hz", "tx_power_w"):
        assert getattr(again, key) == pytest.approx(getattr(decision, key), rel=1e-12)


@given(st.integers(1, 700), arrays(int, 3, elements=st.integers(1, 700)))
def test_every_whole_batch_survives_even_float32(server, devices):
    decision = Decision(False, server, 1e9, devices, np.full(3, 1e8), np.full(3, 0.1))
    again = CODEC.decode(CODEC.encode(decision).astype(np.float32))
    assert again.server_batch_size == server
    assert np.array_equal(again.batch_size, devices)


def test_the_ends_are_the_floors_and_the_limits():
    low, high = CODEC.decode(-np.ones(12)), CODEC.decode(np.ones(12))
    assert (low.server_batch_size, high.server_batch_size) == (1, 700)
    assert low.server_clock_hz == pytest.approx(16e6)
    assert high.clock_hz == pytest.approx(360e6)
    assert low.tx_power_w == pytest.approx(0.5e-4)
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
    codec = ActionCodec(load_scenario("mnist").replace(pretrain_batch_size_limit=1))
    decision = codec.decode(np.zeros(12))
    assert codec.decode(codec.encode(decision)).server_batch_size == 1
