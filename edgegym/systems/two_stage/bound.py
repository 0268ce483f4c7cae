"""Bounds on the average squared gradient norm: Theorem 3.1's (34), a tight and a target one.

A scenario's `bound` says which; what they have in common stands in `bound_terms`.

**paper** is (34) as printed.

**tight** is what its proof gives without two losses. (44) bounds the variance of (8) by
Jensen's inequality as K·α̂²/B̃_tot. But the weights B̃_k/B̃_tot make (8) the mean over B̃_tot
independent samples, so that under Assumption 3 its variance is Σ_k (B̃_k/B̃_tot)²·α̂²/B̃_k =
α̂²/B̃_tot: no factor K. And (48) is a step of the proof only where a model is handed over.
Three cases, then: with both stages the sum of (47), (48) and (32) is (34) without K; with M = 0
it is (32) alone and with N = 0 it is (47) alone, each from L(w⁽⁰⁾) − L_inf, without ρ̃W. (One
initial gap stands for that of either data.)

**target** averages the gradient on the task's data alone, over the N rounds of fine-tuning,

    (1/N)·Σ E‖∇L(ŵ⁽ⁿ⁾, ℬ)‖² ≤ 2(E L(ŵ⁽⁰⁾, ℬ) − L_inf)/(γ̄N) + γ̄ρ̂α̂²Ω/N,

which is (32) with γ̄ρ̂ ≤ 1. With M = 0 the first gap is the initial one. Else let pre-training
obey Polyak and Łojasiewicz, ‖∇L(w, 𝒟)‖² ≥ 2μ(L(w, 𝒟) − L_inf). Then (46) with γ̄ρ ≤ 1 reads
Δ_{m+1} ≤ (1 − γ̄μ)Δ_m + ργ̄²α²/(2D̃) for the expected gap Δ_m, so that the gap that is left is
Δ_M ≤ exp(−γ̄μM)·Δ_0 + ργ̄²α²Λ/2, and (48) adds the hand-over h, which is `hand_over_gap` where it
was calibrated and ρ̃W else. Rounds on the wrong data only shrink what fine-tuning starts from.
What is lost: the noise of early rounds is contracted as well, to at most ργ̄α²/(2μD̃), but that
bound is neither a function of Λ nor jointly convex. After few rounds smoothness is the better
bound, ‖∇L‖² ≤ 2ρ̂(L − L_inf), before each of them, which is the same numerator over 1/(γ̄ρ̂)
instead of N. So N rounds count as max(N, 1/(γ̄ρ̂)), and without fine-tuning the target bound is
of the model that is handed over.

μ may be that of a path: where ‖∇L‖² ≥ 2μ_m(L − L_inf) in round m, the product of 1 − γ̄μ_m is at
most exp(−γ̄μM) with the mean μ of the μ_m; for the noise 1 − γ̄μ_m ≤ 1 is all that is used.
"""

import math

import numpy as np

from edgegym.physics import Array, Numbers
from edgegym.systems.two_stage.bound_terms import NONE, SOME, BoundTerms, Case
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario

#: What people read of each bound.
NAMES = {"paper": "bound (34)", "tight": "tight bound", "target": "target bound"}


def bound_name(scenario: Scenario) -> str:
    """Say which bound a scenario means, for tables, pictures and sentences.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> mnist = load_scenario("mnist")
    >>> bound_name(mnist), bound_name(mnist.replace(bound="tight"))
    ('bound (34)', 'tight bound')
    """
    return NAMES[scenario.bound]


def bound_cases(scenario: Scenario) -> tuple[Case, ...]:
    """List a scenario's bound case by case; one of them holds for every plan.

    Examples
    --------
    Without a hand-over to charge for there is one case, with it there are three:

    >>> from edgegym import load_scenario
    >>> tight = load_scenario("cinic10-cifar10").replace(bound="tight")
    >>> [round(case.terms.start) for case in bound_cases(tight)]
    [460, 460, 660]
    >>> len(bound_cases(tight.replace(distribution_distance=0.0)))
    1
    """
    if scenario.bound == "paper":
        return (Case(bound_terms(scenario)),)
    if scenario.bound == "tight":
        return _tight_cases(scenario)
    return _target_cases(scenario)


def bound_terms(scenario: Scenario) -> BoundTerms:
    """Collect the constants of (34): what multiplies Λ and Ω, and what depends on neither.

    γ̄ρα²,  γ̄ρ̂α̂²K,  2(ρ̃W(P̂,P) + L(w⁽⁰⁾) − L̂_inf) / γ̄

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> [round(float(term), 9) for term in bound_terms(load_scenario("mnist"))[:3]]
    [10.0, 30.0, 460.0]
    """
    noise, more_noise = _noise(scenario)
    gap = scenario.initial_loss_gap + scenario.data_lipschitz * scenario.distribution_distance
    return BoundTerms(noise, more_noise * scenario.n_devices, 2 * gap / scenario.learning_rate)


def _noise(s: Scenario) -> tuple[float, float]:
    """γ̄ρα² and γ̄ρ̂α̂²."""
    return (
        s.learning_rate * s.pretrain_smoothness * s.pretrain_gradient_variance,
        s.learning_rate * s.finetune_smoothness * s.finetune_gradient_variance,
    )


def _tight_cases(s: Scenario) -> tuple[Case, ...]:
    noise, start = _noise(s), 2 * s.initial_loss_gap / s.learning_rate
    handing_over = 2 * s.data_lipschitz * s.distribution_distance / s.learning_rate
    alone = BoundTerms(*noise, start)
    if not handing_over:
        return (Case(alone),)
    both = alone._replace(start=start + handing_over)
    return Case(alone, SOME, NONE), Case(alone, NONE, SOME), Case(both, SOME, SOME)


def _target_cases(s: Scenario) -> tuple[Case, ...]:
    assert s.pretrain_pl_constant is not None  # a scenario refuses this bound without it
    least = max(1 / (s.learning_rate * s.finetune_smoothness), 1.0)
    shift = s.data_lipschitz * s.distribution_distance
    many = BoundTerms(
        *_noise(s),
        start=2 * (shift if s.hand_over_gap is None else s.hand_over_gap) / s.learning_rate,
        contracted=2 * s.initial_loss_gap / s.learning_rate,
        contraction=s.learning_rate * s.pretrain_pl_constant,
        pretrain_weight=0.0,
    )
    few = many._replace(finetune_weight=0.0, more_rounds=least)
    n_few, n_many = (0.0, math.ceil(least) - 1.0), (float(math.ceil(least)), math.inf)
    if not many.start:
        return Case(few, finetune_rounds=n_few), Case(many, finetune_rounds=n_many)
    alone = (
        Case(few._replace(start=0.0), NONE, (1.0, n_few[1])),
        Case(many._replace(start=0.0), NONE, n_many),
    )
    return *alone, Case(few, SOME, n_few), Case(many, SOME, n_many)


class Bound:
    """A scenario's bound of any number of plans or episodes at once.

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> tight = Bound(load_scenario("cinic10-cifar10").replace(bound="tight"))
    >>> tight.of_sums(np.array([0, 99, 99]), np.array([99, 0, 1]), 0.0, 0.0).round(4).tolist()
    [4.6465, 4.6465, 6.6]
    """

    def __init__(self, scenario: Scenario) -> None:
        first, *self._others = bound_cases(scenario)
        self._first = BoundTerms._make(map(np.asarray, first.terms))
        #: The numerator before the first round.
        self.start = float(first.terms.fixed(0))

    def of_sums(
        self, m: Numbers, n: Numbers, pretrain_sum: Numbers, finetune_sum: Numbers
    ) -> Array:
        """Bound of M + N rounds with Λ and Ω, (...); before the first one what it starts from."""
        bound = self._first.of_sums(m, n, pretrain_sum, finetune_sum)
        for case in self._others:
            held = case.terms.of_sums(m, n, pretrain_sum, finetune_sum)
            bound = np.where(case.holds(m, n), held, bound)
        return bound


def gradient_norm_bound(
    scenario: Scenario,
    *,
    n_pretrain_rounds: Numbers,
    n_finetune_rounds: Numbers,
    pretrain_inverse_batch_sum: Numbers,
    finetune_inverse_batch_sum: Numbers,
) -> Array:
    """Bound on the average squared gradient norm over both stages, (34), or the scenario's own.

    Υ = [γ̄(ρα²Λ + ρ̂α̂²KΩ) + 2ρ̃W(P̂,P)/γ̄ + 2(L(w⁽⁰⁾) − L̂_inf)/γ̄] / (M + N)

    Parameters
    ----------
    scenario : the constants, and which bound
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
    >>> spent = {"n_pretrain_rounds": 100, "n_finetune_rounds": 100,
    ...          "pretrain_inverse_batch_sum": 10, "finetune_inverse_batch_sum": 10}
    >>> mnist = load_scenario("mnist")
    >>> float(gradient_norm_bound(mnist, **spent))
    4.3

    Without the factor K it is (10·10 + 10·10 + 460) / 200:

    >>> float(gradient_norm_bound(mnist.replace(bound="tight"), **spent))
    3.3

    On the task's data alone, with μ = 1 and no hand-over, (10·10 + 10·10 + 460/e) / 100:

    >>> target = mnist.replace(bound="target", pretrain_pl_constant=1.0)
    >>> round(float(gradient_norm_bound(target, **spent)), 6)
    3.692245
    """
    m, n = np.asarray(n_pretrain_rounds), np.asarray(n_finetune_rounds)
    sums = pretrain_inverse_batch_sum, finetune_inverse_batch_sum
    return np.where(m + n > 0, Bound(scenario).of_sums(m, n, *sums), np.inf)


def plan_bound(scenario: Scenario, plan: Plan) -> float:
    """Bound of a plan, with Λ and Ω summed over its rounds."""
    return float(
        gradient_norm_bound(
            scenario,
            n_pretrain_rounds=plan.n_pretrain_rounds,
            n_finetune_rounds=plan.n_finetune_rounds,
            pretrain_inverse_batch_sum=np.sum(1.0 / plan.pretrain_batch_size),
            finetune_inverse_batch_sum=np.sum(1.0 / plan.finetune_batch_size.sum(axis=1)),
        )
    )
