import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym import Plan, load_scenario
from edgegym.systems.two_stage.emulator import DESCENT_KNOTS, NOISE_KNOTS, SHIFT_KNOTS, Emulator
from edgegym.systems.two_stage.emulator_file import load_emulator
from edgegym.systems.two_stage.recorded import Recorded

SHIPPED = ("digits", "mnist")


def by_hand(scenario="digits", **changes):
    """Make an emulator whose every number is plain."""
    plain = {
        "learning_rate": 0.01,
        "learning": load_scenario(scenario).learning,
        "guess_loss": 2.0,
        "start_progress": 0.0,
        "start_spread": 1.0,
        "descent": [0.1] * DESCENT_KNOTS.size,
        "noise": [3.0] * NOISE_KNOTS.size,
        "half_speed_batch_size": 10.0,
        "relaxation": 0.5,
        "shift": [np.log(2.0)] * SHIFT_KNOTS.size,
        "transfer": 0.5,
        "accuracy_losses": [0.0, 2.0],
        "accuracies": [1.0, 0.0],
        "recorded_pretrain": Recorded(n_rounds=100, batch_size=(10, 50)),
        "recorded_finetune": Recorded(n_rounds=200, batch_size=(20, 100)),
    }
    return Emulator(**plain | changes)


def test_a_round_descends_and_adds_noise_by_hand():
    emulator = by_hand()
    first = emulator.descend(emulator.start(), 30)
    # 0 + 0.1 · 30/40, and 0.5 · 0 + 3/30
    assert (float(first.progress), float(first.excess_loss)) == pytest.approx((0.075, 0.1))
    second = emulator.descend(first, 10)
    assert float(second.excess_loss) == pytest.approx(0.5 * 0.1 + 3 / 10)
    assert float(emulator.loss(second)) == pytest.approx(2 / (1 + np.exp(0.075 + 0.05)) + 0.35)


def test_handing_over_keeps_the_loss_and_part_of_the_progress():
    emulator = by_hand()
    before = emulator.descend(emulator.start(1.0), 30)
    after = emulator.hand_over(before)
    assert float(after.progress) == pytest.approx(0.5 * float(before.progress))
    assert float(emulator.loss(after)) == pytest.approx(float(emulator.shifted_loss(before)))
    behind = emulator.start(-2.0)
    assert float(emulator.hand_over(behind).progress) == -2.0  # a plateau is one on both domains


def test_luck_moves_the_start():
    emulator = by_hand(start_progress=-3.0, start_spread=0.5)
    assert emulator.start(np.array([-1.0, 0.0, 2.0])).progress.tolist() == [-3.5, -3.0, -2.0]


def test_accuracy_is_read_off_the_loss():
    assert by_hand().accuracy(np.array([-1.0, 0.5, 3.0])).tolist() == [1.0, 0.75, 0.0]


def plan_of(m, batch, n, device_batch):
    return Plan.constant(
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=batch,
        server_clock_hz=1e9,
        finetune_batch_size=[device_batch] * 3,
        device_clock_hz=[1e8] * 3,
        device_tx_power_w=[0.1] * 3,
    )


@pytest.mark.parametrize(
    ("plan", "covers"),
    [
        (plan_of(100, 50, 200, 20), True),
        (plan_of(110, 55, 220, 36), True),  # within a tenth
        (plan_of(0, 1, 0, 1), True),  # an empty stage has no batches
        (plan_of(111, 50, 200, 20), False),
        (plan_of(100, 56, 200, 20), False),
        (plan_of(100, 8, 200, 20), False),
        (plan_of(100, 50, 221, 20), False),
        (plan_of(100, 50, 200, 37), False),  # 111 over all devices
        (plan_of(100, 50, 200, 5), False),
    ],
)
def test_an_emulator_knows_which_plans_it_was_fitted_for(plan, covers):
    assert by_hand().covers(plan) is covers


def test_the_shipped_emulators_cover_the_plan_of_their_scenario_or_say_why_not():
    digits = load_emulator(load_scenario("digits"))
    assert digits.covers(plan_of(300, 16, 272, 19))
    assert not digits.covers(plan_of(2230, 16, 0, 19))
    assert digits.recorded_in_words() == (
        "up to 299 pre-training rounds of 1 to 62 samples, and up to 351 fine-tuning rounds of 4 "
        "to 146 samples over all devices"
    )


@pytest.mark.parametrize("name", SHIPPED)
@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(-2, 2))
def test_larger_batches_never_learn_less(name, batch, other, luck):
    emulator = load_emulator(load_scenario(name))
    small, large = sorted((batch, other))
    states = [emulator.start(luck)] * 2
    for _ in range(300):
        states = [emulator.descend(s, size) for s, size in zip(states, (small, large), strict=True)]
    assert states[0].progress <= states[1].progress
    # From where it stands a larger batch adds less noise; over rounds it is further on, where
    # gradients are noisier.
    noises = [emulator.descend(states[0], size).excess_loss for size in (small, large)]
    assert noises[0] >= noises[1]


@pytest.mark.parametrize("name", SHIPPED)
def test_rounds_lower_the_loss_towards_zero_and_never_below(name):
    emulator = load_emulator(load_scenario(name))
    state = emulator.start()
    losses = []
    for _ in range(4000):
        state = emulator.descend(state, 500)
        losses.append(float(emulator.loss(state)))
    assert (np.diff(losses) <= 1e-3).all()
    assert 0 < losses[-1] < 0.3 < 2 < losses[0] < 2.5


def test_copies_in_an_array_are_as_if_alone():
    emulator = load_emulator(load_scenario("digits"))
    lucks, batches = np.array([-1.0, 0.0, 1.5]), np.array([1.0, 20.0, 300.0])
    together = emulator.descend(emulator.start(lucks), batches)
    for i, (luck, batch) in enumerate(zip(lucks, batches, strict=True)):
        alone = emulator.descend(emulator.start(luck), batch)
        assert together.progress[i] == alone.progress
        assert together.excess_loss[i] == alone.excess_loss
