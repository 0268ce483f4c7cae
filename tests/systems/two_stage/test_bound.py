import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import plans, scenarios

from edgegym.systems.two_stage.bound import gradient_norm_bound, plan_bound


@given(st.data())
def test_bound_equals_the_slow_reference(data):
    scenario = data.draw(scenarios(decades=4))
    plan = data.draw(plans(scenario))
    assume(plan.n_pretrain_rounds + plan.n_finetune_rounds > 0)
    assert plan_bound(scenario, plan) == pytest.approx(reference.bound(scenario, plan), rel=1e-9)


@given(scenarios(), st.integers(1, 100), st.integers(1, 100), st.floats(0.01, 10))
def test_larger_batches_and_a_smaller_shift_lower_the_bound(scenario, m, n, inverse_sum):
    def bound(of, factor):
        return gradient_norm_bound(
            of,
            n_pretrain_rounds=m,
            n_finetune_rounds=n,
            pretrain_inverse_batch_sum=inverse_sum * factor,
            finetune_inverse_batch_sum=inverse_sum * factor,
        )

    assert bound(scenario, 0.5) < bound(scenario, 1.0)
    farther = scenario.replace(distribution_distance=scenario.distribution_distance + 1)
    assert bound(scenario, 1.0) < bound(farther, 1.0)


@given(scenarios())
def test_the_bound_broadcasts_and_is_infinite_before_the_first_round(scenario):
    bounds = gradient_norm_bound(
        scenario,
        n_pretrain_rounds=np.array([0, 1, 2]),
        n_finetune_rounds=0,
        pretrain_inverse_batch_sum=0.0,
        finetune_inverse_batch_sum=0.0,
    )
    assert np.isinf(bounds[0]) and bounds[1] == pytest.approx(2 * bounds[2])
