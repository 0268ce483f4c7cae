"""The average squared gradient-norm bound of Theorem 3.1, equation (34)."""

from typing import Any, NamedTuple

import numpy as np

from edgegym.physics import ONE, Array, Numbers
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario


class BoundTerms(NamedTuple):
    """The numerators of (34): Υ = (Λ · pretrain_noise + Ω · finetune_noise + start) / (M + N)."""

    pretrain_noise: float
    finetune_noise: float
    start: float

    def bound(self, m: Numbers, n: Numbers, batch: Numbers, total_batch: Numbers) -> Array:
        """Bound (34) of alike rounds: M with D̃ samples, N with ΣB̃_k, in the paper's letters.

        Examples
        --------
        >>> float(BoundTerms(10.0, 30.0, 460.0).bound(100, 200, 50, 300).round(6))
        1.666667
        """
        noise = m * self.pretrain_noise / batch + n * self.finetune_noise / total_batch
        return np.asarray((noise + self.start) / (m + n))

    def of_sums(self, n_rounds: Numbers, pretrain_sum: Any, finetune_sum: Any) -> Any:
        """Bound (34) of M + N rounds with Λ and Ω; before the first one what (34) starts from."""
        noise = self.pretrain_noise * pretrain_sum + self.finetune_noise * finetune_sum
        return (noise + self.start) / np.maximum(n_rounds, ONE)


def bound_terms(scenario: Scenario) -> BoundTerms:
    """Collect what multiplies Λ and Ω in (34), and what depends on neither.

    γ̄ρα²,  γ̄ρ̂α̂²K,  2(ρ̃W(P̂,P) + L(w⁽⁰⁾) − L̂_inf) / γ̄

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> [round(float(term), 9) for term in bound_terms(load_scenario("mnist"))]
    [10.0, 30.0, 460.0]
    """
    s = scenario
    gap = s.initial_loss_gap + s.data_lipschitz * s.distribution_distance
    pretrain = s.pretrain_smoothness * s.pretrain_gradient_variance
    finetune = s.finetune_smoothness * s.finetune_gradient_variance
    return BoundTerms(
        pretrain_noise=s.learning_rate * pretrain,
        finetune_noise=s.learning_rate * finetune * s.n_devices,
        start=2 * gap / s.learning_rate,
    )


def gradient_norm_bound(
    scenario: Scenario,
    *,
    n_pretrain_rounds: Numbers,
    n_finetune_rounds: Numbers,
    pretrain_inverse_batch_sum: Numbers,
    finetune_inverse_batch_sum: Numbers,
) -> Array:
    """Bound on the average squared gradient norm over both stages, (34).

    Υ = [γ̄(ρα²Λ + ρ̂α̂²KΩ) + 2ρ̃W(P̂,P)/γ̄ + 2(L(w⁽⁰⁾) − L̂_inf)/γ̄] / (M + N)

    Parameters
    ----------
    scenario : the constants
    n_pretrain_rounds, n_finetune_rounds : (...) rounds, M and N
    pretrain_inverse_batch_sum : (...) 1/samples, Λ = Σ 1/D̃
    finetune_inverse_batch_sum : (...) 1/samples, Ω = Σ 1/B̃_tot

    Returns
    -------
    (...), infinite before the first round

    Examples
    --------
    100 rounds of batch 10 in each stage, K = 3: (10·10 + 30·10 + 460) / 200 = 4.3:

    >>> from edgegym import load_scenario
    >>> float(gradient_norm_bound(load_scenario("mnist"), n_pretrain_rounds=100,
    ...     n_finetune_rounds=100, pretrain_inverse_batch_sum=10, finetune_inverse_batch_sum=10))
    4.3
    """
    sums = pretrain_inverse_batch_sum, finetune_inverse_batch_sum
    n_rounds = np.add(n_pretrain_rounds, n_finetune_rounds)
    return np.where(n_rounds > 0, bound_terms(scenario).of_sums(n_rounds, *sums), np.inf)


def plan_bound(scenario: Scenario, plan: Plan) -> float:
    """Bound (34) of a plan, with Λ and Ω summed over its rounds."""
    return float(
        gradient_norm_bound(
            scenario,
            n_pretrain_rounds=plan.n_pretrain_rounds,
            n_finetune_rounds=plan.n_finetune_rounds,
            pretrain_inverse_batch_sum=np.sum(1.0 / plan.pretrain_batch_size),
            finetune_inverse_batch_sum=np.sum(1.0 / plan.finetune_batch_size.sum(axis=1)),
        )
    )
