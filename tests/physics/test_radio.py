import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym.physics import radio

pytestmark = pytest.mark.usefixtures("strict_numpy")
LINK = {"gain": 5e-6, "bandwidth_hz": 100e3, "noise_psd_w_per_hz": 1e-16}
powers = st.floats(1e-6, 10.0)


def test_mean_power_is_taken_over_the_rounds_run_of_many_copies_at_once():
    # two devices in three copies, of which the last ran none
    sums, rounds = np.array([[1.0, 2.0, 0.0], [0.5, 4.0, 0.0]]), np.array([2, 4, 0])
    assert radio.mean_tx_power_w(sums, rounds).tolist() == [[0.5, 0.5, 0.0], [0.25, 1.0, 0.0]]


@given(powers, powers)
def test_more_power_gives_a_higher_rate(low, more):
    assert radio.rate_bps(low + more, **LINK) > radio.rate_bps(low, **LINK)


@given(powers)
def test_least_power_undoes_the_rate(power):
    deadline_s = radio.transfer_delay_s(0.2e6, radio.rate_bps(power, **LINK))
    assert radio.least_power_w(0.2e6, deadline_s, **LINK) == pytest.approx(power, rel=1e-9)


@given(powers, powers)
def test_upload_energy_rises_with_power(low, more):
    energies = [
        radio.upload_energy_j(p, radio.transfer_delay_s(0.2e6, radio.rate_bps(p, **LINK)))
        for p in (low, low + more)
    ]
    assert energies[0] < energies[1]


def test_a_broadcast_lasts_until_the_slowest_device_in_every_round():
    delays = np.array([[0.1, 0.3], [0.4, 0.2]])
    assert radio.download_energy_j(0.5, delays) == pytest.approx([0.15, 0.2])
