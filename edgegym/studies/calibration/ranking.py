"""Which constants let a bound rank recorded runs most like their losses."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from edgegym.physics import Array
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.bound import gradient_norm_bound
from edgegym.systems.two_stage.scenario import Scenario

#: How much a rank correlation may fall short of the best and count as equally good.
EQUALLY_GOOD = 1e-12


class Ranking(NamedTuple):
    """Bounds of recorded runs under pairs of constants, and the runs' final losses."""

    first: Array  # (A,) values of one constant
    second: Array  # (B,) of the other
    bounds: Array  # (A, B, R)
    losses: Array  # (R,) nats

    def best(self, runs: NDArray[np.int_]) -> tuple[Array, Array]:
        """Give the pairs whose bound ranks some of the runs best, after Spearman.

        Examples
        --------
        With a constant of 2 the bounds rise with the losses, with 1 they fall:

        >>> bounds = np.array([[[3.0, 2.0, 1.0]], [[1.0, 2.0, 3.0]]])
        >>> ranking = Ranking(np.array([1.0, 2.0]), np.zeros(1), bounds, np.array([0.1, 0.2, 0.4]))
        >>> ranking.best(np.arange(3))[0].tolist()
        [2.0]
        """
        ranks = _centred(rankdata(self.bounds[:, :, runs], axis=-1))
        of_losses = _centred(rankdata(self.losses[runs]))
        length = np.linalg.norm(ranks, axis=-1) * np.linalg.norm(of_losses)
        # Where all bounds are alike they rank nothing.
        scores = np.divide(ranks @ of_losses, length, np.full_like(length, -1.0), where=length > 0)
        rows, columns = np.argwhere(scores >= scores.max() - EQUALLY_GOOD).T
        return self.first[rows], self.second[columns]


def rank_runs(
    scenario: Scenario, recordings: Sequence[Recording], tried: Mapping[str, Array]
) -> Ranking:
    """Bound all recordings under all pairs of values of two constants, the keys of `tried`."""
    spent = rounds_and_batches(recordings)
    first, second = tried.values()

    def bounds(*values: float) -> Array:
        changed = scenario.model_copy(update=dict(zip(tried, values, strict=True)))
        return gradient_norm_bound(changed, **spent)

    table = np.array([[bounds(one, other) for other in second] for one in first])
    losses = np.array([recording.target_loss[-1] for recording in recordings])
    return Ranking(first, second, table, losses)


def rank_agreement(
    scenario: Scenario, recordings: Sequence[Recording], losses: Sequence[float]
) -> float:
    """Correlate the ranks of the scenario's bound with those of real final losses, by Spearman."""
    bounds = gradient_norm_bound(scenario, **rounds_and_batches(recordings))
    return float(spearmanr(bounds, losses).statistic)


def rounds_and_batches(recordings: Sequence[Recording]) -> dict[str, Array]:
    """Give what (34) asks of a plan, for every recording at once."""
    pretrain = [recording.pretrain_batch_size for recording in recordings]
    finetune = [recording.finetune_batch_size for recording in recordings]
    return {
        "n_pretrain_rounds": np.array([len(sizes) for sizes in pretrain]),
        "n_finetune_rounds": np.array([len(sizes) for sizes in finetune]),
        "pretrain_inverse_batch_sum": _inverse_sums(pretrain),
        "finetune_inverse_batch_sum": _inverse_sums(finetune),
    }


def _inverse_sums(batch_sizes: Iterable[Sequence[int]]) -> Array:
    return np.array([np.sum(1 / np.asarray(sizes, float)) for sizes in batch_sizes])


def _centred(ranks: Array) -> Array:
    return np.asarray(ranks - ranks.mean(axis=-1, keepdims=True))
