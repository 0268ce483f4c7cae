"""The form of all bounds on the average squared gradient norm.

With Υ's numerator split into noise, start and what pre-training contracts, all three are

    [a·Λ + b·Ω + G + C·exp(−κM)] / (v·M + w·N + r)

for terms that depend on the bound. For alike rounds, with X = M·D̃ and X_k = N·B̃_k samples, aΛ is
a·M²/X and bΩ is b·N²/ΣX_k: the numerator is jointly convex, the denominator linear, so every one is
quasi-convex over (M, N, X, X_k), and one convex program after Charnes and Cooper's division.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import ONE, Array, Numbers


class BoundTerms(NamedTuple):
    """A bound's constants: (a·Λ + b·Ω + G + C·exp(−κM)) / (v·M + w·N + r)."""

    pretrain_noise: float  # a
    finetune_noise: float  # b
    start: float  # G
    contracted: float = 0.0  # C
    contraction: float = 0.0  # κ
    pretrain_weight: float = 1.0  # v
    finetune_weight: float = 1.0  # w
    more_rounds: float = 0.0  # r

    def n_averaged(self, m: Numbers, n: Numbers) -> Array:
        """Count the rounds that the bound averages over, its denominator."""
        return np.asarray(self.pretrain_weight * m + self.finetune_weight * n + self.more_rounds)

    def fixed(self, m: Numbers) -> Array:
        """Give what of the numerator depends on no batch, G + C·exp(−κM)."""
        if not self.contracted:
            return np.asarray(self.start)
        return np.asarray(self.start + self.contracted * np.exp(-self.contraction * np.asarray(m)))

    def bound(self, m: Numbers, n: Numbers, batch: Numbers, total_batch: Numbers) -> Array:
        """Bound of alike rounds: M with D̃ samples, N with ΣB̃_k, in the paper's letters.

        Examples
        --------
        >>> float(BoundTerms(10.0, 30.0, 460.0).bound(100, 200, 50, 300).round(6))
        1.666667
        """
        noise = m * self.pretrain_noise / batch + n * self.finetune_noise / total_batch
        return np.asarray((noise + self.fixed(m)) / self.n_averaged(m, n))

    def of_sums(
        self, m: Numbers, n: Numbers, pretrain_sum: Numbers, finetune_sum: Numbers
    ) -> Array:
        """Bound of M + N rounds with Λ and Ω; before the first one what it starts from."""
        noise = self.pretrain_noise * pretrain_sum + self.finetune_noise * finetune_sum
        return np.asarray((noise + self.fixed(m)) / np.maximum(self.n_averaged(m, n), ONE))

    def after(
        self, m: Numbers, n: Numbers, pretrain_sum: Numbers, finetune_sum: Numbers
    ) -> "BoundTerms":
        """Give the terms for the rounds that follow M + N rounds with Λ and Ω.

        Examples
        --------
        >>> terms = BoundTerms(10.0, 30.0, 460.0)
        >>> float(terms.after(100, 0, 2, 0).bound(0, 200, 50, 300).round(6))
        1.666667
        """
        noise = self.pretrain_noise * pretrain_sum + self.finetune_noise * finetune_sum
        return self._replace(
            start=float(self.start + noise),
            contracted=float(self.contracted * np.exp(-self.contraction * m)),
            more_rounds=float(self.n_averaged(m, n)),
        )


class Case(NamedTuple):
    """The terms of a bound for plans with so many rounds, both ends included."""

    terms: BoundTerms
    pretrain_rounds: tuple[float, float] = (0, math.inf)
    finetune_rounds: tuple[float, float] = (0, math.inf)

    def holds(self, m: Numbers, n: Numbers) -> NDArray[np.bool_]:
        """Tell whether so many rounds are of this case, (...)."""
        (m_low, m_high), (n_low, n_high) = self.pretrain_rounds, self.finetune_rounds
        within = (np.greater_equal(m, m_low), np.less_equal(m, m_high))
        return np.logical_and.reduce(
            [*within, np.greater_equal(n, n_low), np.less_equal(n, n_high)]
        )


#: No round of a stage, and any number but none.
NONE, SOME = (0.0, 0.0), (1.0, math.inf)
