import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgegym.lifecycle.observed import LogScale, ObservationCodec, Shown

CODEC = ObservationCodec(
    [
        Shown("share"),
        Shown("loss_log", decades=(-4.0, 1.0)),
        Shown("gain_log", 2, decades=(-4.0, 2.0)),
        Shown("power_share", 2),
        Shown("bound_log", decades=(-6.0, 1.0)),
    ]
)
NAMES = ["share", "loss_log", "gain_log_0", "gain_log_1"]
NAMES += ["power_share_0", "power_share_1", "bound_log"]


def test_entries_are_named_in_their_order():
    assert CODEC.names == NAMES
    observation = np.arange(7, dtype=np.float32)
    assert CODEC.named(observation) == dict(zip(NAMES, range(7), strict=True))


def test_each_entry_is_mapped_from_its_own_decades():
    ratios = np.array([[-0.25], [1.0], [1e-4], [100.0], [0.5], [0.75], [10.0]])
    (shown,) = CODEC.encode(ratios)
    assert shown == pytest.approx([-0.25, 0.6, -1, 1, 0.5, 0.75, 1])
    assert shown.dtype == np.float32


@given(arrays(float, (7, 3), elements=st.floats(-1e300, 1e300)))
def test_whatever_is_shown_lies_in_the_space_a_row_for_each_copy(ratios):
    shown = CODEC.encode(ratios)
    assert shown.shape == (3, 7) and shown.flags.c_contiguous
    assert (np.abs(shown) <= 1).all()


def test_a_logarithm_ends_where_its_decades_do():
    ratios = np.array([0.0, 1e-300, 1e-4, 0.1, 100.0])
    assert LogScale(-4.0, 2.0).share(ratios) == pytest.approx([-1, -1, -1, 0, 1])
