"""What planners of partitioned edge learning work on: seconds per parameter of every worker."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.links import Links
from edgegym.physics import Array, Numbers, processor
from edgegym.systems.partitioned.costs import downlink_rate_bps
from edgegym.systems.partitioned.scenario import PartitionedScenario


class Problem(NamedTuple):
    """A round to be planned, PABA-style.

    Worker k of group n with block W_n needs o_k + W_n·(a_k + transfer_k) seconds.
    """

    group: NDArray[np.intp]  # (K,) index of the worker's group, in ascending order
    first: NDArray[np.intp]  # (N,) index of each group's first worker
    overhead_s: Array  # (K,) o
    compute_s: Array  # (K,) s per parameter, a
    links: Links  # with payloads counted in parameters
    n_parameters: float  # W

    @property
    def equal_shares(self) -> Array:
        """Shares (n_bands, K) that are all the same."""
        return np.full((self.links.n_bands, self.group.size), 1 / self.group.size)

    def delay_s(self, blocks: Array, shares: Array) -> float:
        """Latency of a round with blocks (N,) and shares (n_bands, K).

        Examples
        --------
        >>> problem = example()
        >>> round(problem.delay_s(np.full(3, 10 / 3), problem.equal_shares), 5)
        7.66667
        """
        block = blocks[self.group]
        with np.errstate(invalid="ignore"):
            moving_s = block * (self.compute_s + self.links.transfer_s(shares))
        return float(np.max(np.where(block > 0, self.overhead_s + moving_s, 0.0)))


def example(separate: bool = False, overhead_s: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Problem:
    """Make the worked example: three groups of one worker, ten parameters, a fixed efficiency."""
    half = np.array([0.1, 0.05, 0.2])
    return Problem(
        group=np.arange(3),
        first=np.arange(3),
        overhead_s=np.array(overhead_s),
        compute_s=np.array([1.0, 2.0, 0.5]),
        links=Links(half, half, None, separate),
        n_parameters=10.0,
    )


def as_problem(
    scenario: PartitionedScenario,
    uplink_gain: Numbers | None = None,
    downlink_gain: Numbers | None = None,
) -> Problem:
    """Work out what a scenario's workers need for a parameter.

    Parameters
    ----------
    scenario : the constants
    uplink_gain, downlink_gain : (K,) power ratios of the round; the scenario's where none is given

    Examples
    --------
    The first worker computes 240 FLOP for a parameter, at 8 MFLOP a second:

    >>> from edgegym import load_scenario
    >>> float(as_problem(load_scenario("partitioned-digits")).compute_s[0])
    3e-05
    """
    s = scenario
    bits, ones = s.bits_per_parameter, np.ones(s.n_workers)
    if s.uplink_efficiency_bps_per_hz is None:
        gain = s.uplink_gain if uplink_gain is None else uplink_gain
        limit_hz = s.worker_tx_power_w * np.asarray(gain) / s.server_noise_psd_w_per_hz
        upload_s, snr = bits * np.log(2) / limit_hz, limit_hz / s.uplink_bandwidth_hz
    else:
        upload_s = bits / (s.uplink_bandwidth_hz * s.uplink_efficiency_bps_per_hz)
        snr = None
    return Problem(
        group=s.group,
        first=np.cumsum(s.workers_per_group) - s.workers_per_group,
        overhead_s=s.worker_overhead_s,
        compute_s=processor.compute_delay_s(
            s.worker_batch_size * ones,
            s.worker_clock_hz,
            flop_per_sample=s.flop_per_parameter_and_sample,
            flop_per_cycle=s.worker_flop_per_cycle,
        ),
        links=Links(
            download_s=bits / downlink_rate_bps(s, downlink_gain) * ones,
            upload_s=upload_s * ones,
            snr=snr,
            separate=s.bandwidth_sharing == "separate",
        ),
        n_parameters=float(s.n_parameters),
    )
