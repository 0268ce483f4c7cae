import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.studies.calibration.fitting import RESAMPLES, emulate, fit_emulator, resample
from edgegym.studies.calibration.verdict import expected_final_losses, judge, verdict


def test_emulating_is_descending_round_by_round(emulator, emulated_recordings):
    recording = emulated_recordings[0]
    state = emulator.start(-1.0)
    for batch in recording.pretrain_batch_size:
        state = emulator.descend(state, batch)
    state = emulator.hand_over(state)
    for batch in recording.finetune_batch_size:
        state = emulator.descend(state, batch)
    long = recording.model_copy(
        update={
            "looked_after": [len(recording.pretrain_batch_size + recording.finetune_batch_size)]
        }
    )
    ((_, target),) = emulate(emulator, [long], np.array([-1.0]))
    assert target == pytest.approx([float(emulator.loss(state))], rel=1e-12)


def test_runs_together_are_as_if_alone(emulator, emulated_recordings):
    lucks = np.linspace(-1, 1, len(emulated_recordings))
    together = emulate(emulator, emulated_recordings, lucks)
    for recording, luck, (source, target) in zip(emulated_recordings, lucks, together, strict=True):
        ((alone_source, alone_target),) = emulate(emulator, [recording], np.array([luck]))
        assert np.array_equal(source, alone_source) and np.array_equal(target, alone_target)


@pytest.mark.slow
def test_the_fit_finds_what_made_the_recordings(emulator, emulated_recordings):
    fitted = fit_emulator(load_scenario("mnist"), emulated_recordings)
    again = expected_final_losses(fitted, emulated_recordings)
    truth = expected_final_losses(emulator, emulated_recordings)
    assert again == pytest.approx(truth, rel=0.03)
    assert fitted.shift == [0.0] * len(fitted.shift) and fitted.transfer == 1.0
    assert np.all(np.diff(fitted.accuracies) <= 0)
    before, after = fitted.recorded_pretrain, fitted.recorded_finetune
    for recorded, runs in (
        (before, [run.pretrain_batch_size for run in emulated_recordings]),
        (after, [run.finetune_batch_size for run in emulated_recordings]),
    ):
        assert recorded.n_rounds == max(map(len, runs))
        assert recorded.batch_size == (min(map(min, runs)), max(map(max, runs)))
    assert len(fitted.laws) == 1 + RESAMPLES
    for law in fitted.laws[1:]:  # without noise in the losses, all runs say the same
        assert expected_final_losses(law, emulated_recordings) == pytest.approx(again, rel=0.1)


def test_resampled_means_spread_as_a_mean_does():
    numbers = 0.01 * np.random.default_rng(0).standard_normal(400)
    rows = np.append(np.ones((400, 1)), np.zeros((1, 1)), axis=0)
    means = resample(np.array([numbers.mean()]), np.append(numbers, 0), rows, np.arange(401))
    # Residuals are what is left of the model; here 0 − number, so the sign does not matter.
    assert np.std(means) == pytest.approx(numbers.std() / 20, rel=0.4)
    again = resample(np.array([numbers.mean()]), np.append(numbers, 0), rows, np.arange(401))
    assert np.array_equal(means, again)


def test_the_verdict_of_a_perfect_emulator_is_perfect(emulator, emulated_recordings):
    losses = expected_final_losses(emulator, emulated_recordings)
    runs = [
        [run.model_copy(update={"target_loss": [*run.target_loss[:-1], loss]})] * 2
        for run, loss in zip(emulated_recordings, losses, strict=True)
    ]
    table = judge(emulator, runs)
    found = verdict(table)
    assert found["mean_relative_error"] == pytest.approx(0, abs=1e-12)
    assert found["rank_correlation"] == 1
    assert found["mean_relative_standard_error_of_real_training"] == 0
    assert table["n_seeds"].tolist() == [2] * len(runs)


def test_the_verdict_by_hand(emulator, emulated_recordings):
    table = judge(emulator, [[run] for run in emulated_recordings]).assign(
        emulated_loss=[1.1, 2.0, 2.7, 4.0, 5.0, 6.0], real_loss=[1.0, 2.0, 3.0, 4.0, 6.0, 5.0]
    )
    found = verdict(table)
    assert found["mean_relative_error"] == pytest.approx((0.1 + 0.1 + 1 / 6 + 0.2) / 6)
    assert found["rank_correlation"] == pytest.approx(1 - 6 * 2 / (6 * 35))
