"""Delay and energy of computing, equations (14)-(15) and (17)-(18)."""

import numpy as np

from edgegym.physics import Array, Numbers


def compute_delay_s(
    batch_size: Numbers,
    clock_hz: Numbers,
    *,
    flop_per_sample: Numbers,
    flop_per_cycle: Numbers,
) -> Array:
    """Time to compute one mini-batch gradient, a summand of (14) and (15).

    τ = B · N_FLOP / (f · c)

    Parameters
    ----------
    batch_size : (...) samples, B
    clock_hz : (...) Hz, f
    flop_per_sample : () FLOP/sample, N_FLOP
    flop_per_cycle : () or (K,) FLOP/cycle, c

    Returns
    -------
    (...) s

    Examples
    --------
    700 samples of 1 MFLOP at 1.6 GHz and one FLOP a cycle:

    >>> float(compute_delay_s(700, 1.6e9, flop_per_sample=1e6, flop_per_cycle=1))
    0.4375
    """
    return batch_size * np.asarray(flop_per_sample) / (clock_hz * np.asarray(flop_per_cycle))


def compute_energy_j(
    batch_size: Numbers,
    clock_hz: Numbers,
    *,
    flop_per_sample: Numbers,
    flop_per_cycle: Numbers,
    pue: Numbers,
    power_coefficient_w_per_hz3: Numbers,
) -> Array:
    """Energy to compute one mini-batch gradient, a summand of (17) and (18).

    E = η · B · N_FLOP / c · φ · f²

    Parameters
    ----------
    batch_size : (...) samples, B
    clock_hz : (...) Hz, f
    flop_per_sample : () FLOP/sample, N_FLOP
    flop_per_cycle : () or (K,) FLOP/cycle, c
    pue : () or (K,) power usage effectiveness, η
    power_coefficient_w_per_hz3 : () or (K,) W/Hz³, φ

    Returns
    -------
    (...) J

    Examples
    --------
    4 · 700 · 10⁶ · 3.91·10⁻²⁷ · (1.6·10⁹)² = 28.02688 J:

    >>> energy = compute_energy_j(700, 1.6e9, flop_per_sample=1e6, flop_per_cycle=1, pue=4,
    ...                           power_coefficient_w_per_hz3=3.91e-27)
    >>> round(float(energy), 5)
    28.02688
    """
    cycles = batch_size * np.asarray(flop_per_sample) / np.asarray(flop_per_cycle)
    return pue * cycles * power_coefficient_w_per_hz3 * np.square(clock_hz)


def clock_for_deadline_hz(
    batch_size: Numbers,
    deadline_s: Numbers,
    *,
    flop_per_sample: Numbers,
    flop_per_cycle: Numbers,
) -> Array:
    """Clock that computes a mini-batch gradient in exactly a given time, the inverse of (14).

    f = B · N_FLOP / (τ · c)

    Parameters
    ----------
    batch_size : (...) samples, B
    deadline_s : (...) s, τ
    flop_per_sample : () FLOP/sample, N_FLOP
    flop_per_cycle : () or (K,) FLOP/cycle, c

    Returns
    -------
    (...) Hz

    Examples
    --------
    >>> float(clock_for_deadline_hz(700, 0.4375, flop_per_sample=1e6, flop_per_cycle=1))
    1600000000.0
    """
    return batch_size * np.asarray(flop_per_sample) / (deadline_s * np.asarray(flop_per_cycle))
