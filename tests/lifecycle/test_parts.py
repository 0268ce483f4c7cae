import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgegym.lifecycle.parts import largest_remainder


@given(st.integers(1, 10_000), arrays(float, (3, 4), elements=st.floats(0.01, 1)))
def test_largest_remainders_go_up(total, weights):
    parts = total * weights / weights.sum(axis=-1, keepdims=True)
    whole = largest_remainder(parts, total)
    assert (whole.sum(axis=-1) == total).all()
    assert (np.abs(whole - parts) < 1).all()
    for row, exact in zip(whole, parts, strict=True):
        up = row > exact
        assert not up.any() or up.all() or (exact % 1)[up].min() >= (exact % 1)[~up].max() - 1e-9
