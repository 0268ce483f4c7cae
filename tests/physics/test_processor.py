import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym.physics import processor

WORK = {"flop_per_sample": 1e6, "flop_per_cycle": 2.0}
POWER = {"pue": 1.5, "power_coefficient_w_per_hz3": 1e-27}


@given(st.integers(1, 700), st.floats(1e6, 1e10))
def test_clock_for_deadline_undoes_the_delay(batch, clock):
    delay_s = processor.compute_delay_s(batch, clock, **WORK)
    again = processor.clock_for_deadline_hz(batch, delay_s, **WORK)
    assert again == pytest.approx(clock, rel=1e-12)


@given(st.integers(1, 700), st.floats(1e6, 1e10))
def test_twice_the_clock_takes_half_the_time_and_four_times_the_energy(batch, clock):
    slow_s, fast_s = (processor.compute_delay_s(batch, c, **WORK) for c in (clock, 2 * clock))
    slow_j, fast_j = (
        processor.compute_energy_j(batch, c, **WORK, **POWER) for c in (clock, 2 * clock)
    )
    assert (fast_s, fast_j) == pytest.approx((slow_s / 2, 4 * slow_j))


def test_every_device_has_its_own_processor():
    delays = processor.compute_delay_s(
        np.array([10, 20]), np.array([1e9, 1e9]), flop_per_sample=1e6, flop_per_cycle=np.ones(2)
    )
    assert delays.tolist() == [0.01, 0.02]
