import numpy as np
import pandas as pd
import pytest

from edgegym import load_scenario
from edgegym.studies.calibration.along import at_knots, progress_of, with_bound_noise
from edgegym.systems.two_stage.emulator import NOISE_KNOTS, Emulated
from edgegym.systems.two_stage.emulator_file import load_emulator

EMULATOR = load_emulator(load_scenario("digits"))


def test_progress_is_that_whose_loss_the_emulator_gives():
    progress = np.array([-3.0, 0.0, 2.5])
    losses = EMULATOR.loss(Emulated(progress, np.zeros(3)))
    assert progress_of(losses, EMULATOR.guess_loss) == pytest.approx(progress)
    assert np.isfinite(progress_of(np.array([9.0]), EMULATOR.guess_loss)).all()  # above a guess


def test_noise_along_a_course_is_found_again_and_goes_on_level():
    truth = np.exp(np.array([0.0, 1.0, 3.0, 4.0, 4.5, 4.0]))
    progress = np.linspace(-4, 6, 200)
    values = np.exp(np.interp(progress, NOISE_KNOTS, np.log(truth)))
    assert at_knots(progress, values) == pytest.approx(truth, rel=0.05)
    early = progress < 0
    found = at_knots(progress[early], values[early])
    assert found[:2] == pytest.approx(truth[:2], rel=0.1)
    assert np.ptp(np.log(found[3:])) < 0.01


def test_each_stage_has_its_own_and_a_stage_without_looks_none():
    looks = pd.DataFrame(
        {"finetuning": False, "loss": [2.2, 1.0], "gradient_variance": 2.0, "smoothness": 3.0}
    )
    found = with_bound_noise(EMULATOR.model_copy(update={"finetune_bound_noise": None}), looks)
    assert found.pretrain_bound_noise == pytest.approx([6.0] * NOISE_KNOTS.size, rel=0.2)
    assert found.finetune_bound_noise is None
