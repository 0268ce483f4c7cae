"""What the parts of a round may take, and how a round is divided among them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.two_stage.schemes import Scheme
from baselines.two_stage.workload import Workload
from edgegym.physics import Array, Numbers


class Parts(NamedTuple):
    """How computing and uploading share a round, and which limits they meet, (..., K) all."""

    computing_s: Array
    upload_s: Array
    computing_least: NDArray[np.bool_]
    computing_most: NDArray[np.bool_]
    upload_least: NDArray[np.bool_]
    upload_most: NDArray[np.bool_]


class Limits(NamedTuple):
    """What rounds may take: the least and the most seconds of each of their parts.

    Examples
    --------
    A device that computes for one to two seconds and uploads for as long, in three seconds:

    >>> between = np.array([1.0]), np.array([2.0])
    >>> one = np.array(1.0)
    >>> limits = Limits(one, one, 9.0, np.array([0.0]), (one, 2 * one), between, between)
    >>> parts = limits.split(np.array(3.0), np.array([2.5]))
    >>> float(parts.computing_s[0]), float(parts.upload_s[0]), bool(parts.computing_most[0])
    (2.0, 1.0, True)
    """

    n_pretrain_rounds: Array  # (...)
    n_finetune_rounds: Array  # (...)
    delay_budget_s: Numbers  # (...)
    download_s: Array  # (..., K), as long as it takes
    server_s: tuple[Array, Array]  # (...)
    computing_s: tuple[Array, Array]  # (..., K)
    upload_s: tuple[Array, Array]  # (..., K)

    def fine_tuning_s(self, end: int) -> Array:
        """Least (end 0) or most (end 1) seconds of a fine-tuning round, (...)."""
        return np.max(self.download_s + self.computing_s[end] + self.upload_s[end], axis=-1)

    def range_s(self) -> tuple[Array, Array]:
        """Seconds of a fine-tuning round within which the budget can be used up, (...) both."""
        (least_s, most_s), per_round = self.server_s, np.maximum(self.n_finetune_rounds, 1)
        fastest_s, slowest_s = self.fine_tuning_s(0), self.fine_tuning_s(1)
        m, n = self.n_pretrain_rounds, self.n_finetune_rounds
        low = np.maximum(fastest_s, (self.delay_budget_s - m * most_s) / per_round)
        low = np.minimum(low, slowest_s) + np.zeros(np.shape(m * n * least_s))
        high = np.minimum((self.delay_budget_s - m * least_s) / per_round, slowest_s)
        return low, np.maximum(high, low)

    def server_time(self, round_s: Array) -> Array:
        """Seconds that fine-tuning rounds of so long leave the server for a round, (...)."""
        left_s = self.delay_budget_s - self.n_finetune_rounds * round_s
        left_s = left_s / np.maximum(self.n_pretrain_rounds, 1)
        return np.minimum(np.maximum(left_s, self.server_s[0]), self.server_s[1])

    def split(self, round_s: Array, computing_s: Array) -> Parts:
        """Keep both parts of a round within their limits and the round, and say which they meet."""
        computing, upload = self.computing_s, self.upload_s
        available_s = round_s[..., np.newaxis] - self.download_s
        slow_upload_s, fast_upload_s = available_s - upload[1], available_s - upload[0]
        computing_s = np.minimum(np.maximum(computing_s, slow_upload_s), computing[1])
        computing_s = np.maximum(np.minimum(computing_s, fast_upload_s), computing[0])
        upload_s = np.minimum(np.maximum(available_s - computing_s, upload[0]), upload[1])
        # Met limits are seen on the computing time: a short upload beside it carries few digits.
        return Parts(
            computing_s,
            upload_s,
            computing_least=computing_s <= computing[0],
            computing_most=computing_s >= computing[1],
            upload_least=computing_s >= fast_upload_s,
            upload_most=computing_s <= slow_upload_s,
        )


def limits_of(
    work: Workload,
    scheme: Scheme,
    n_pretrain_rounds: Array,
    n_finetune_rounds: Array,
    samples: Array,
    samples_k: Array,
    delay_budget_s: Numbers,
) -> Limits:
    """Work out what the parts of rounds may take, for a scheme and so many samples."""
    server, devices, uplink = work.server, work.devices, work.uplink
    slowest = 1.0 if scheme.fixed_clock else server.most_s / server.least_s
    least_s = server.least_s * samples
    return Limits(
        n_pretrain_rounds,
        n_finetune_rounds,
        delay_budget_s,
        download_s=work.download_s,
        server_s=(least_s, slowest * least_s),
        computing_s=(devices.least_s * samples_k, slowest * devices.least_s * samples_k),
        upload_s=(uplink.least_s, uplink.least_s if scheme.fixed_power else uplink.most_s),
    )
