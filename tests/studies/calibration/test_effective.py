import tomllib

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from edgegym import load_scenario
from edgegym.studies.calibration.effective import (
    calibrated_text,
    effective_constants,
    effective_target,
    measured_constants,
    rank_agreement,
)
from edgegym.studies.calibration.recording import Recording
from edgegym.systems.two_stage.bound import gradient_norm_bound
from edgegym.systems.two_stage.scenario import Scenario

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
    found = effective_constants(MNIST, runs)
    assert found["pretrain_gradient_variance"] < found["finetune_gradient_variance"]
    assert rank_agreement(MNIST.replace(**found), runs, losses) > 0.999


def test_agreement_is_spearmans():
    runs = runs_under(MNIST, 8)
    rng = np.random.default_rng(1)
    losses = rng.uniform(size=8).tolist()
    bounds = [run.target_loss[-1] for run in runs]
    assert rank_agreement(MNIST, runs, losses) == pytest.approx(spearmanr(bounds, losses)[0])


def test_measured_constants_are_percentiles_of_each_stage():
    looks = pd.DataFrame(
        {
            "finetuning": [False, False, True, True],
            "gradient_variance": [1.0, 3.0, 10.0, 30.0],
            "smoothness": [2.0, 4.0, 20.0, 40.0],
            "data_lipschitz": [0.1, 0.2, 0.3, 0.5],
        }
    )
    median = measured_constants(looks, loss_gap=2.0, distance=7.0, percentile=50)
    assert median == pytest.approx(
        {
            "pretrain_smoothness": 3.0,
            "finetune_smoothness": 30.0,
            "pretrain_gradient_variance": 2.0,
            "finetune_gradient_variance": 20.0,
            "initial_loss_gap": 2.0,
            "data_lipschitz": 0.4,
            "distribution_distance": 7.0,
        }
    )
    worst = measured_constants(looks, loss_gap=2.0, distance=7.0, percentile=100)
    assert worst["finetune_gradient_variance"] == 30


def test_a_calibrated_scenario_is_the_old_one_but_for_what_was_found():
    key = "pretrain_smoothness"
    text = calibrated_text(MNIST, "effective", {key: 1.23456}, {key: "by ranking"})
    line = next(line for line in text.splitlines() if line.startswith("pretrain_smoothness"))
    assert line.split() == [
        "pretrain_smoothness",
        "=",
        "1.235",
        *["#", "calibrated:", "by", "ranking"],
    ]
    changed = Scenario.parse(tomllib.loads(text), where="the test")
    assert changed == MNIST.replace(name="mnist-effective", pretrain_smoothness=1.235)


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
    found = effective_target(MNIST, runs)
    assert rank_agreement(
        MNIST.replace(bound="target", **found), runs, [run.target_loss[-1] for run in runs]
    ) == pytest.approx(1, abs=1e-3)
    assert found["pretrain_pl_constant"] == pytest.approx(0.5, rel=0.5)
