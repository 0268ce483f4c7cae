"""The scenario's bound with the α² and ρ of every round, as they were measured over the progress.

The steps of the proof, (46) and (32), hold round by round: what a round adds to the sum is γ̄ρα²/D̃
with the variance at its model and the smoothness around it. (34) puts the largest of a stage in
their place, or whatever a scenario has. Here they are those that were measured where the emulator's
law foretells the training to be, at progress z:

    [γ̄·Σ_m ρα²(z_m)/D̃_m + γ̄K·Σ_n ρ̂α̂²(z_n)/B̃_n + G + C·exp(−κM)] / (v·M + w·N + r)

with all but the noise from `edgegym.systems.two_stage.bound`. Along a given course the sum of a/B
for ΣB samples is least with batches as √a, by Cauchy and Schwarz: noise grows by orders of
magnitude as the loss falls, so the best batches grow along a stage. That a larger batch also moves
the training on to where noise is larger is what the search has to see beside it.
"""

import numpy as np

from baselines.two_stage.by_law.law import (
    LUCKS,
    Foretold,
    Law,
    Point,
    Stage,
    hand_over,
    pass_stage,
    pull_hand_over,
    pull_stage,
)
from baselines.two_stage.by_law.planner import Aim
from baselines.two_stage.by_law.shape import HARDLY_ANY
from edgegym.errors import InputError
from edgegym.physics import Array
from edgegym.systems.two_stage.bound import bound_cases
from edgegym.systems.two_stage.bound_terms import BoundTerms, Case
from edgegym.systems.two_stage.emulator import NOISE_KNOTS, Emulator
from edgegym.systems.two_stage.plan import Plan
from edgegym.systems.two_stage.scenario import Scenario


def measured_cases(scenario: Scenario) -> tuple[Case, ...]:
    """List the cases of the scenario's bound with γ̄ and γ̄K for noise, as if ρα² were 1."""
    of_one = {
        "pretrain_gradient_variance": 1 / scenario.pretrain_smoothness,
        "finetune_gradient_variance": 1 / scenario.finetune_smoothness,
    }
    return bound_cases(scenario.model_copy(update=of_one))


def require_measured(emulator: Emulator) -> tuple[Array, Array]:
    """Give ρα² and ρ̂α̂² at the knots of the noise.

    Raises
    ------
    InputError
        If the emulator has none.
    """
    known = emulator.pretrain_bound_noise, emulator.finetune_bound_noise
    if known[0] is None or known[1] is None:
        raise InputError(
            "an emulator must hold measured variances and smoothness for method 'measured'; got "
            "none. Run `edgegym calibrate --scenario ...`, and plan with --emulator and its "
            "emulator.json."
        )
    return np.array(known[0]), np.array(known[1])


def measured_bound(scenario: Scenario, emulator: Emulator, plan: Plan) -> float:
    """Bound a plan with the α² and ρ of every round, expected over initial weights.

    Examples
    --------
    >>> from baselines import plan
    >>> from edgegym import load_scenario
    >>> from edgegym.systems.two_stage.emulator_file import load_emulator
    >>> digits = load_scenario("digits")
    >>> constant = plan(digits).plan
    >>> measured_bound(digits, load_emulator(digits), constant) > 10  # (34) says 0.95
    True
    """
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    (terms,) = (case.terms for case in measured_cases(scenario) if case.holds(m, n))
    state, numerator = emulator.start(LUCKS), terms.fixed(m)
    before, after = require_measured(emulator)
    for batch_size in plan.pretrain_batch_size:
        noise = np.interp(state.progress, NOISE_KNOTS, before)
        numerator = numerator + terms.pretrain_noise * noise / batch_size
        state = emulator.descend(state, batch_size)
    if n:
        state = emulator.hand_over(state)
    for batch_size in plan.finetune_batch_size.sum(axis=1):
        noise = np.interp(state.progress, NOISE_KNOTS, after)
        numerator = numerator + terms.finetune_noise * noise / batch_size
        state = emulator.descend(state, batch_size)
    return float(np.mean(numerator) / terms.n_averaged(m, n))


def measured_aim(scenario: Scenario, terms: BoundTerms) -> Aim:
    """Make the bound, in one of its cases, what a search is for."""

    def of_rounds(law: Law, pretrain: Stage, finetune: Stage) -> Foretold:
        return bound_rounds(law, terms, pretrain, finetune)

    return Aim(of_rounds, lambda emulator, plan: measured_bound(scenario, emulator, plan))


def bound_rounds(law: Law, terms: BoundTerms, pretrain: Stage, finetune: Stage) -> Foretold:
    """Bound rounds as `measured_bound` does those of a plan, with the slope.

    What the law sums up as excess loss is the bound's noise where none of it is forgotten.
    """
    noise = (terms.pretrain_noise, terms.finetune_noise), require_measured(law.emulator)
    first, second = (_noisy(law, factor * values) for factor, values in zip(*noise, strict=True))
    nothing = np.zeros_like(law.start.excess_loss)
    left, passed = pass_stage(first, law.start._replace(excess_loss=nothing), pretrain)
    entered = hand_over(law, left)._replace(excess_loss=left.excess_loss)
    ended, then = pass_stage(second, entered, finetune)
    m, n = (float(stage.share.sum()) for stage in (pretrain, finetune))
    averaged = max(float(terms.n_averaged(m, n)), HARDLY_ANY)
    bound = (float(ended.excess_loss.mean()) + float(terms.fixed(m))) / averaged
    back = Point(nothing, np.full_like(nothing, 1 / (nothing.size * averaged)))
    back, by_finetune = pull_stage(second, finetune, then, back)
    moved = pull_hand_over(law, left, back._replace(excess_loss=nothing))
    _, by_pretrain = pull_stage(
        first, pretrain, passed, moved._replace(excess_loss=back.excess_loss)
    )
    contracted = float(terms.contraction * terms.contracted * np.exp(-terms.contraction * m))
    by_m = (contracted + bound * terms.pretrain_weight) / averaged
    by_n = bound * terms.finetune_weight / averaged
    return Foretold(
        bound,
        by_pretrain._replace(share=by_pretrain.share - by_m),
        by_finetune._replace(share=by_finetune.share - by_n),
    )


def _noisy(law: Law, noise: Array) -> Law:
    """Let a law's excess loss be a sum of noise that is never forgotten."""
    changed = {"noise": noise.tolist(), "relaxation": 0.0}
    return law._replace(emulator=law.emulator.model_copy(update=changed))
