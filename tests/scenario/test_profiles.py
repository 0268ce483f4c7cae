import pytest

from edgegym.scenario.profiles import (
    CELLS,
    DEVICE_NOISE_PSD_W_PER_HZ,
    DEVICES,
    SERVER,
    power_ratio,
)


@pytest.mark.parametrize(
    ("cell", "distance_m", "loss_db"),
    # By hand from TR 38.901 at 3.5 GHz, 20 log10(3.5) = 10.88 dB.
    [
        ("urban-micro", 10, 32.4 + 21 + 10.88),
        ("urban-macro", 1000, 13.54 + 117.24 + 10.88),
        ("indoor", 1, 32.4 + 10.88),
    ],
)
def test_path_losses_are_those_of_the_report(cell, distance_m, loss_db):
    assert CELLS[cell].path_loss_db(distance_m, 3.5e9) == pytest.approx(loss_db, abs=0.01)


def test_noise_is_the_thermal_one_and_the_receivers():
    assert pytest.approx(4e-21 * 10**0.9, rel=0.01) == DEVICE_NOISE_PSD_W_PER_HZ
    assert power_ratio(30.0) == pytest.approx(1e-3)


@pytest.mark.parametrize("processor", [SERVER, *DEVICES.values()])
def test_every_number_has_a_source_and_the_power_is_that_at_the_clock(processor):
    power_w = processor.power_coefficient_w_per_hz3 * processor.clock_hz**3
    assert power_w == pytest.approx(processor.power_w)
    assert all((processor.clock_source, processor.flop_source, processor.power_source))
