import numpy as np
import pytest
import torch
from strategies import TINY_SCENARIO
from torch import nn
from torch.nn.functional import cross_entropy

from edgegym import Plan, load_scenario
from edgegym.learning.centralized import Samples
from edgegym.studies.calibration.constants import (
    gradient_variance,
    measure_along,
    smoothness,
    stage_distance,
    wasserstein_distance,
)

TINY = load_scenario("digits").replace(**TINY_SCENARIO)


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(0)
    samples = Samples(
        torch.randn(30, 4, generator=generator), torch.randint(3, (30,), generator=generator)
    )
    network = nn.Linear(4, 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network, samples


def test_the_variance_is_that_of_single_gradients(problem):
    network, samples = problem
    gradients = []
    for image, label in zip(samples.images, samples.labels, strict=True):
        network.zero_grad()
        cross_entropy(network(image), label).backward()
        gradients.append(np.concatenate([p.grad.numpy().ravel() for p in network.parameters()]))
    expected = np.var(np.array(gradients), axis=0).sum()
    assert gradient_variance(network, samples) == pytest.approx(expected, rel=1e-5)


def test_smoothness_is_the_largest_eigenvalue_of_the_whole_hessian(problem):
    network, samples = problem
    weight, bias = (p.detach() for p in network.parameters())

    def loss(flat):
        w, b = flat[:12].reshape(3, 4), flat[12:]
        return cross_entropy(samples.images @ w.T + b, samples.labels)

    hessian = torch.autograd.functional.hessian(loss, torch.cat([weight.ravel(), bias]))
    expected = float(torch.linalg.eigvalsh(hessian).abs().max())
    found = smoothness(network, samples, np.random.default_rng(0))
    assert found == pytest.approx(expected, rel=0.05)
    assert found <= expected * (1 + 1e-5)


def test_a_shift_of_all_images_is_their_distance():
    images = torch.randn(400, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    labels = torch.zeros(400, dtype=torch.int64)
    far = Samples(images + 10.0, labels)
    assert wasserstein_distance(Samples(images, labels), far) == pytest.approx(30, rel=0.1)


def test_rotated_digits_lie_apart_and_alike_ones_do_not():
    digits = load_scenario("digits")
    upright = digits.replace(**{"learning.finetune_rotation_deg": 0.0})
    assert stage_distance(digits) > 10 * max(stage_distance(upright), 0.1)


@pytest.mark.usefixtures("on_the_cpu")
def test_constants_are_measured_in_both_stages():
    plan = Plan.constant(
        n_pretrain_rounds=3,
        pretrain_batch_size=4,
        server_clock_hz=1e9,
        n_finetune_rounds=2,
        finetune_batch_size=[2] * 3,
        device_clock_hz=[1e8] * 3,
        device_tx_power_w=[0.1] * 3,
    )
    looks = measure_along(TINY, plan, seed=0)
    assert [look.round for look in looks] == [0, 1, 2, 3, 4, 5]
    assert [look.finetuning for look in looks] == [False] * 3 + [True] * 3
    for look in looks:
        assert look.gradient_variance > 0 and look.smoothness > 0 and look.data_lipschitz > 0
    assert measure_along(TINY, plan, seed=0) == looks
