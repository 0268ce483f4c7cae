"""Devices, servers and cells of whose kind a new scenario is: numbers with their sources."""

from typing import NamedTuple

import numpy as np


class Processor(NamedTuple):
    """What computes: its clock, what it does in a cycle, and its power."""

    clock_hz: float
    flop_per_cycle: float
    power_w: float  # at that clock, beyond what it needs idle
    pue: float
    tx_power_w: float
    clock_source: str
    flop_source: str
    power_source: str

    @property
    def power_coefficient_w_per_hz3(self) -> float:
        """The factor of the cubed clock, as in (18): φ = P / f³."""
        return self.power_w / self.clock_hz**3


SERVER = Processor(
    *(2.0e9, 256.0, 150.0, 1.5, 1.0),
    "assumed: a server processor of 16 cores",
    "assumed: half of 16 cores with one 512-bit multiply-add each",
    "assumed: a usual limit for such a processor",
)
DEVICES: dict[str, Processor] = {
    "phone": Processor(
        *(2.4e9, 16.0, 4.0, 1.0, 0.2),
        "assumed: four Cortex-A76 cores at a clock that a phone can keep",
        "Arm Cortex-A76 optimisation guide: 16 a core; assumed: a quarter is reached",
        "assumed: what a phone's case gives off for long",
    ),
    "single-board": Processor(
        *(1.5e9, 8.0, 3.7, 1.0, 0.1),
        "Raspberry Pi 4's documentation: four Cortex-A72 cores at 1.5 GHz",
        "Arm Cortex-A72 optimisation guide: 8 a core; assumed: a quarter is reached",
        "published measurements of a Raspberry Pi 4: 6.4 W with all cores busy, 2.7 W idle",
    ),
    "microcontroller": Processor(
        *(480e6, 1.0, 0.5, 1.0, 0.1),
        "STM32H743's data sheet: one Cortex-M7 core at 480 MHz",
        "Arm Cortex-M7 manual: one multiply-add; assumed: half is reached",
        "assumed: 150 mA at 3.3 V",
    ),
}

#: Memory that is left on a device for training, bytes, and why.
DEVICE_MEMORY: dict[str, tuple[float, str]] = {
    "phone": (1e9, "assumed: what a phone of 8 GB leaves an app"),
    "single-board": (2e9, "assumed: half of a Raspberry Pi 4 of 4 GB"),
    "microcontroller": (8e6, "assumed: an STM32H743 with 8 MB of external memory"),
}


class Cell(NamedTuple):
    """What a signal loses on its way, in dB: L = a + b log10(d / m) + 20 log10(f / GHz)."""

    constant_db: float
    slope_db: float
    source: str

    def path_loss_db(self, distance_m: float, carrier_hz: float) -> float:
        """Give the loss at a distance.

        Examples
        --------
        >>> round(CELLS["urban-micro"].path_loss_db(100.0, 3.5e9), 1)
        85.3
        """
        decades = np.log10(distance_m)
        return float(self.constant_db + self.slope_db * decades + 20 * np.log10(carrier_hz / 1e9))


CELLS: dict[str, Cell] = {
    "urban-micro": Cell(32.4, 21.0, "3GPP TR 38.901, UMi, street canyon, line of sight"),
    "urban-macro": Cell(13.54, 39.08, "3GPP TR 38.901, UMa, no line of sight, at 1.5 m"),
    "indoor": Cell(32.4, 17.3, "3GPP TR 38.901, InH, office, line of sight"),
}
#: Thermal noise at 290 K, -174 dBm/Hz, and what a receiver adds in 3GPP's evaluations: 5 dB at a
#: base station, 9 dB at a device.
SERVER_NOISE_PSD_W_PER_HZ = 10 ** ((-174 + 5 - 30) / 10)
DEVICE_NOISE_PSD_W_PER_HZ = 10 ** ((-174 + 9 - 30) / 10)


def power_ratio(loss_db: float) -> float:
    """Convert a loss in dB to a ratio of powers.

    Examples
    --------
    >>> power_ratio(90.0)
    1e-09
    """
    return float(10 ** (-loss_db / 10))
