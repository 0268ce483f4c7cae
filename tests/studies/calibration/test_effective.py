import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from edgegym import load_scenario
from edgegym.studies.calibration.descent import Descent
from edgegym.studies.calibration.effective import (
    effective_constants,
    effective_target,
    measured_constants,
    measured_gap,
    measured_target,
)
from edgegym.studies.calibration.ranking import rank_agreement
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.bound import gradient_norm_bound

MNIST = load_scenario("mnist")


def recording(m, n, before, after, loss):
    return Recording(
        seed=0,
        pretrain_batch_size=[before] * m,
        finetune_batch_size=[after] * n,
        looked_after=[0],
        source_loss=[],
        target_loss=[loss],
        target_accuracy=[0.5],
        test_loss=loss,
    )


def runs_under(scenario, n_runs=30):
    """Recordings whose loss is the bound itself, under some constants."""
    rng, terms = np.random.default_rng(0), []
    for _ in range(n_runs):
        m, n = rng.integers(1, 300, 2)
        before, after = np.exp(rng.uniform(0, 6, 2)).astype(int) + 1
        a = scenario.learning_rate * scenario.pretrain_smoothness
        noise = a * scenario.pretrain_gradient_variance * m / before
        noise += 3 * a * scenario.finetune_gradient_variance * n / after
        terms.append(recording(m, n, before, after, (noise + 460) / (m + n)))
    return terms


def test_constants_that_made_the_losses_are_found_by_rank():
    truth = MNIST.replace(pretrain_gradient_variance=3.0, finetune_gradient_variance=30.0)
    runs = runs_under(truth)
    losses = [run.target_loss[-1] for run in runs]
    assert rank_agreement(truth, runs, losses) == pytest.approx(1)
    assert rank_agreement(MNIST, runs, losses) < 0.99
    found, intervals = effective_constants(MNIST, runs)
    assert found["pretrain_gradient_variance"] < found["finetune_gradient_variance"]
    assert rank_agreement(MNIST.replace(**found), runs, losses) > 0.999
    for key, (low, high) in intervals.items():
        assert low < high and low <= found[key] <= high


def test_agreement_is_spearmans():
    runs = runs_under(MNIST, 8)
    rng = np.random.default_rng(1)
    losses = rng.uniform(size=8).tolist()
    bounds = [run.target_loss[-1] for run in runs]
    assert rank_agreement(MNIST, runs, losses) == pytest.approx(spearmanr(bounds, losses)[0])


def looks(seed, scale=1.0):
    return pd.DataFrame(
        {
            "seed": seed,
            "finetuning": [False, False, True, True],
            "gradient_variance": scale * np.array([1.0, 3.0, 10.0, 30.0]),
            "smoothness": [2.0, 4.0, 20.0, 40.0],
            "data_lipschitz": [0.1, 0.2, 0.3, 0.5],
        }
    )


def test_measured_constants_are_percentiles_of_each_stage():
    median, no_intervals = measured_constants(looks(seed=0), percentile=50)
    assert median == pytest.approx(
        {
            "pretrain_smoothness": 3.0,
            "finetune_smoothness": 30.0,
            "pretrain_gradient_variance": 2.0,
            "finetune_gradient_variance": 20.0,
            "data_lipschitz": 0.4,
        }
    )
    assert no_intervals == {}  # a single run tells none
    worst, _ = measured_constants(looks(seed=0), percentile=100)
    assert worst["finetune_gradient_variance"] == 30


def test_measured_constants_have_the_intervals_of_the_seeds():
    seeds = [looks(seed, scale) for seed, scale in enumerate([1.0, 2.0, 3.0])]
    values, intervals = measured_constants(pd.concat(seeds), percentile=100)
    assert values["finetune_gradient_variance"] == 90
    low, high = intervals["finetune_gradient_variance"]
    assert low < 90 == high
    assert intervals["finetune_smoothness"] == (40, 40)


def test_the_gap_is_from_the_highest_to_the_lowest_loss_of_all_runs():
    runs = [recording(1, 1, 1, 1, 0.5).model_copy(update={"target_loss": [2.3, 0.5]})]
    runs += [recording(1, 1, 1, 1, 0.2).model_copy(update={"target_loss": [2.4, 0.2]})]
    values, intervals = measured_gap(runs)
    assert values == pytest.approx({"initial_loss_gap": 2.2})
    assert intervals["initial_loss_gap"] == pytest.approx((1.8, 2.2))


def test_measured_constants_of_target_are_means_over_seeds():
    one = [Descent(0, 1.0, 2.0, 1.0), Descent(4, 1.0, 2.0, 1.0)]  # μ = 1, no gap
    other = [Descent(0, 1.0, 6.0, 1.2), Descent(4, 1.0, 6.0, 1.4)]  # μ = 3, a gap of 0.4
    values, intervals = measured_target([one, other])
    assert values == pytest.approx({"pretrain_pl_constant": 2.0, "hand_over_gap": 0.2})
    assert intervals["pretrain_pl_constant"] == pytest.approx((1.0, 3.0))


def test_target_constants_that_made_the_losses_are_found_by_rank():
    truth = MNIST.replace(bound="target", pretrain_pl_constant=0.5, hand_over_gap=0.69)
    rng, runs = np.random.default_rng(0), []
    for _ in range(60):
        m, n = rng.integers(0, 300, 2) + np.array([0, 10])
        before, after = np.exp(rng.uniform(0, 6, 2)).astype(int) + 1
        spent = {"n_pretrain_rounds": m, "n_finetune_rounds": n}
        sums = {"pretrain_inverse_batch_sum": m / before, "finetune_inverse_batch_sum": n / after}
        bound = float(gradient_norm_bound(truth, **spent, **sums))
        runs.append(recording(m, n, before, after, bound))
    found, _ = effective_target(MNIST, runs)
    assert rank_agreement(
        MNIST.replace(bound="target", **found), runs, [run.target_loss[-1] for run in runs]
    ) == pytest.approx(1, abs=1e-3)
    assert found["pretrain_pl_constant"] == pytest.approx(0.5, rel=0.5)
