import numpy as np
import pytest
from strategies import TINY_SCENARIO

from edgegym import Plan, load_scenario
from edgegym.learning.learner import Learner
from edgegym.studies.calibration.descent import Descent, descend_along, target_constants
from edgegym.studies.calibration.gradients import full_gradient

TINY = load_scenario("digits").replace(**TINY_SCENARIO)


def test_losses_and_gradients_are_those_of_the_models_on_the_way():
    plan = Plan.constant(
        n_pretrain_rounds=3,
        pretrain_batch_size=4,
        server_clock_hz=1e9,
        n_finetune_rounds=2,
        finetune_batch_size=[2] * 3,
        device_clock_hz=[1e8] * 3,
        device_tx_power_w=[0.1] * 3,
    )
    rows = descend_along(TINY, plan, 0, device="cpu")
    assert [row.round for row in rows] == [0, 1, 2, 3]
    learner = Learner(TINY, 0, "cpu")
    for done in range(3):
        learner.pretrain(done, 4)
    loss, gradient = full_gradient(learner.network, learner.data.server)
    assert rows[-1].loss == pytest.approx(loss, rel=1e-6)
    assert rows[-1].squared_gradient_norm == pytest.approx(float(gradient.square().sum()), rel=1e-5)


def test_a_quadratics_constant_is_found():
    """Of L(w) = ½c‖w‖² the constant is c at every w."""
    weights = 0.9 ** np.arange(20)
    rows = [Descent(i, 0.5 * 3 * w**2, (3 * w) ** 2, 0.0) for i, w in enumerate(weights)]
    assert target_constants(rows)["pretrain_pl_constant"] == pytest.approx(3)


def test_a_hand_over_that_helps_adds_nothing():
    assert target_constants([Descent(0, 2.0, 1.0, 1.5)])["hand_over_gap"] == 0
