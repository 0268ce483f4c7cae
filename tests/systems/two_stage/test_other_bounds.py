"""Bounds "tight" and "target", held against formulas, against (34) and against exact training."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import plans, scenarios

from edgegym import evaluate, load_scenario
from edgegym.errors import InputError
from edgegym.systems.two_stage.bound import bound_cases, gradient_norm_bound, plan_bound

AIMED = {"bound": "target", "pretrain_pl_constant": 0.3}


def numerators(s, plan):
    """Noise of both stages, and what either bound starts from, without K and W."""
    noise = (
        s.pretrain_smoothness * s.pretrain_gradient_variance * np.sum(1 / plan.pretrain_batch_size)
    )
    totals = plan.finetune_batch_size.sum(axis=1)
    noise += s.finetune_smoothness * s.finetune_gradient_variance * np.sum(1 / totals)
    return s.learning_rate * noise, 2 / s.learning_rate


@given(st.data())
def test_without_a_hand_over_tight_is_the_papers_with_the_variance_by_k(data):
    scenario = data.draw(scenarios(decades=4)).replace(distribution_distance=0.0)
    plan = data.draw(plans(scenario))
    assume(plan.n_pretrain_rounds + plan.n_finetune_rounds > 0)
    less = scenario.finetune_gradient_variance / scenario.n_devices
    assert plan_bound(scenario.replace(bound="tight"), plan) == pytest.approx(
        plan_bound(scenario.replace(finetune_gradient_variance=less), plan), rel=1e-12
    )


@given(st.data())
def test_tight_charges_for_a_hand_over_where_there_is_one(data):
    scenario = data.draw(scenarios(decades=1)).replace(bound="tight", distribution_distance=3.0)
    plan = data.draw(plans(scenario))
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    assume(m + n > 0)
    noise, factor = numerators(scenario, plan)
    shift = scenario.data_lipschitz * 3.0 if m and n else 0.0
    expected = (noise + factor * (scenario.initial_loss_gap + shift)) / (m + n)
    assert plan_bound(scenario, plan) == pytest.approx(expected, rel=1e-12)
    assert plan_bound(scenario, plan) <= plan_bound(scenario.replace(bound="paper"), plan) * (
        1 + 1e-12
    )


@given(st.data(), st.floats(0.01, 100), st.none() | st.floats(0, 3))
def test_target_is_its_formula(data, mu, gap):
    scenario = data.draw(scenarios(decades=1)).replace(
        bound="target", pretrain_pl_constant=mu, hand_over_gap=gap
    )
    plan = data.draw(plans(scenario, max_rounds=20))
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    assume(m + n > 0)
    noise, factor = numerators(scenario, plan)
    shift = scenario.data_lipschitz * scenario.distribution_distance if gap is None else gap
    left = scenario.initial_loss_gap * np.exp(-scenario.learning_rate * mu * m)
    start = factor * (left + shift * (m > 0))
    least = max(1 / (scenario.learning_rate * scenario.finetune_smoothness), 1)
    assert plan_bound(scenario, plan) == pytest.approx((noise + start) / max(n, least), rel=1e-9)


@given(scenarios(decades=1), st.sampled_from([{"bound": "tight"}, AIMED]))
def test_every_number_of_rounds_but_none_is_of_one_case(scenario, changes):
    cases = bound_cases(scenario.replace(**changes))
    m, n = np.meshgrid(np.arange(0, 40), np.arange(0, 400))
    held = sum(case.holds(m, n).astype(int) for case in cases)
    assert np.all(held[m + n > 0] == 1)


class Quadratic:
    """SGD on L(w) = ½Σh·(w − c)² with gradient noise, followed exactly: mean and variance of w.

    Either stage has a centre of its own; the noise of one sample has the variances `noise`.
    """

    def __init__(self, rng, n_weights=5):
        self.curvature = rng.uniform(0.5, 8.0, n_weights)
        self.centres = np.zeros(n_weights), rng.normal(0, 0.3, n_weights)
        self.noise = rng.uniform(0, 4.0, n_weights)
        self.mean, self.variance = rng.normal(0, 1.5, n_weights), np.zeros(n_weights)

    def squares(self, stage):
        return (self.mean - self.centres[stage]) ** 2 + self.variance

    def loss(self, stage):
        return 0.5 * np.sum(self.curvature * self.squares(stage))

    def squared_gradient(self, stage):
        return np.sum(self.curvature**2 * self.squares(stage))

    def step(self, stage, rate, batch):
        keep = 1 - rate * self.curvature
        self.mean = self.centres[stage] + keep * (self.mean - self.centres[stage])
        self.variance = keep**2 * self.variance + rate**2 * self.noise / batch


@pytest.mark.parametrize("seed", range(40))
def test_no_training_of_a_quadratic_is_above_either_bound(seed):
    rng = np.random.default_rng(seed)
    problem, rate = Quadratic(rng), 10 ** rng.uniform(-3, -1)
    m, n = int(rng.integers(0, 200)) * (seed % 3 > 0), int(rng.integers(1, 200)) * (seed % 4 > 0)
    batch, batch_k = rng.integers(1, 20), rng.integers(1, 20, 3)
    m = m or 1 - min(n, 1)
    gap, source, target = problem.loss(0 if m else 1), [], []
    for _ in range(m):
        source.append(problem.squared_gradient(0))
        problem.step(0, rate, batch)
    handed_over = max(problem.loss(1) - problem.loss(0), 0.0) if m else 0.0
    left = problem.squared_gradient(1)
    for _ in range(n):
        target.append(problem.squared_gradient(1))
        problem.step(1, rate, batch_k.sum())
    scenario = load_scenario("mnist").replace(
        learning_rate=rate,
        pretrain_smoothness=problem.curvature.max(),
        finetune_smoothness=problem.curvature.max(),
        pretrain_gradient_variance=problem.noise.sum(),
        finetune_gradient_variance=problem.noise.sum(),
        initial_loss_gap=gap,
        distribution_distance=handed_over,
        pretrain_pl_constant=problem.curvature.min(),
        hand_over_gap=handed_over,
    )
    spent = {
        "n_pretrain_rounds": m,
        "n_finetune_rounds": n,
        "pretrain_inverse_batch_sum": m / batch,
        "finetune_inverse_batch_sum": n / batch_k.sum(),
    }
    bounds = {
        b: gradient_norm_bound(scenario.replace(bound=b), **spent) for b in ("tight", "target")
    }
    assert np.mean(source + target) <= bounds["tight"]
    assert (np.mean(target) if n else left) <= bounds["target"]


def test_a_target_needs_its_constant_and_says_how_to_get_it():
    with pytest.raises(InputError, match=r"pretrain_pl_constant must be .* `edgegym calibrate`"):
        load_scenario("mnist").replace(bound="target")


def test_the_referee_and_the_environment_have_the_scenarios_bound():
    from baselines import plan
    from edgegym.runs.play import play_plan

    for changes in ({"bound": "tight"}, AIMED | {"hand_over_gap": 0.1}):
        scenario = load_scenario("digits").replace(distribution_distance=0.2, **changes)
        found = plan(scenario)
        assert found.plan.n_pretrain_rounds and found.plan.n_finetune_rounds
        played = play_plan(scenario, found.plan, 0, fidelity="bound").final
        graded = evaluate(found.plan, scenario).gradient_norm_bound
        assert found.gradient_norm_bound == pytest.approx(graded, rel=1e-9)
        assert played["gradient_norm_bound"] == pytest.approx(graded, rel=1e-6)
