import itertools

import pytest

from baselines import plan
from edgegym import InputError, load_scenario
from edgegym.systems.two_stage.bound import plan_bound
from edgegym.systems.two_stage.constants import worst_case

INTERVALS = {
    "pretrain_gradient_variance": [1.0, 60.0],
    "finetune_gradient_variance": [5.0, 90.0],
    "pretrain_pl_constant": [0.2, 2.0],
}
DIGITS = load_scenario("digits").replace(constant_intervals=INTERVALS)


@pytest.mark.parametrize("bound", ["paper", "tight", "target"])
def test_the_robust_plan_is_best_in_the_worst_corner_of_the_box(bound):
    scenario = DIGITS.replace(bound=bound)
    corners = [
        scenario.replace(**dict(zip(INTERVALS, ends, strict=True)))
        for ends in itertools.product(*INTERVALS.values())
    ]

    def worst(found):
        return max(plan_bound(corner, found.plan) for corner in corners)

    robust = plan(scenario, robust=True)
    assert robust.gradient_norm_bound == pytest.approx(worst(robust))
    assert robust.message.startswith("In the worst case of the intervals: No plan")
    for corner in corners:
        assert worst(plan(corner)) >= robust.relaxed_bound * (1 - 1e-6)
    assert worst(plan(scenario)) > worst(robust)


def test_constants_without_an_interval_stay():
    worst = worst_case(DIGITS)
    assert worst.initial_loss_gap == DIGITS.initial_loss_gap
    assert (worst.pretrain_gradient_variance, worst.pretrain_pl_constant) == (60.0, 0.2)


def test_without_intervals_it_says_how_to_get_them():
    with pytest.raises(InputError, match=r"constant_intervals must be given for a robust plan"):
        plan(load_scenario("digits"), robust=True)


@pytest.mark.parametrize("ends", [[2.0, 1.0], [-1.0, 1.0], [1.0], "wide"])
def test_an_interval_that_is_none_is_refused_with_its_key(ends):
    with pytest.raises(InputError, match=r"constant_intervals\.pretrain_smoothness"):
        DIGITS.replace(constant_intervals={"pretrain_smoothness": ends})
