import pytest
import torch
from torch.nn.functional import conv2d, max_pool2d, relu
from torch.testing import assert_close

from edgegym.learning import patches
from edgegym.learning.patches import (
    ONEDNN_FROM,
    Arena,
    PatchKernel,
    WindowMaxima,
    add_product,
    affine,
    multiply,
)


def matrix(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [1, 3, 400], ids=["a vector", "small", "oneDNN's"])
def test_products_are_those_of_float64_whoever_makes_them(n):
    first, second, total = matrix(n, 70), matrix(70, n, seed=1), matrix(n, n, seed=2)
    expected = first.double() @ second.double()
    assert (n * 70 * n >= ONEDNN_FROM) == (n == 400)
    assert_close(multiply(first, second).double(), expected, rtol=1e-5, atol=1e-4)
    summed = add_product(total.clone(), first, second)
    assert_close(summed.double(), total.double() + expected, rtol=1e-5, atol=1e-4)
    bias = matrix(n, seed=3)
    assert_close(affine(first, second.t(), bias).double(), expected + bias, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("make", [lambda m: m.t().contiguous().t(), lambda m: m[:, ::2]])
def test_a_product_takes_matrices_that_lie_in_any_way(make):
    first, second = make(matrix(300, 100)), make(matrix(100, 900, seed=1).t()).t()
    first, second = first[:, :50], second[:50]
    assert_close(multiply(first, second), first @ second, rtol=1e-5, atol=1e-4)


def test_without_onednn_every_product_is_torchs_own(monkeypatch):
    monkeypatch.setattr(patches, "HAS_ONEDNN", False)
    first, second = matrix(400, 70), matrix(70, 400)
    assert torch.equal(multiply(first, second), first @ second)


@pytest.fixture
def weight():
    return matrix(3, 2, 5, 5).requires_grad_()


@pytest.fixture
def kernel(weight):
    lying = weight.detach().permute(0, 2, 3, 1).contiguous()
    sums = torch.ones_like(lying), torch.zeros(3), torch.zeros(12, 72)
    patches = PatchKernel(lying, torch.zeros(3), *sums)
    patches.begin()
    return patches, sums[0]


@pytest.fixture
def patch():
    return matrix(2, 6, 6, seed=2)


def test_a_kernel_at_its_four_places_gives_the_four_outputs_of_a_patch(kernel, weight, patch):
    outputs = kernel[0].matrix @ patch.permute(1, 2, 0).flatten()
    assert_close(outputs, conv2d(patch[None], weight)[0].flatten())


def test_a_kernels_gradient_is_added_up_over_its_places(kernel, weight, patch):
    patches, gradient = kernel
    of_outputs = matrix(12, seed=3)
    conv2d(patch[None], weight)[0].flatten().backward(of_outputs)
    numbers = patch.permute(1, 2, 0).flatten()
    add_product(patches.matrix_gradient, of_outputs[:, None], numbers[None])
    patches.finish()
    assert_close(gradient.permute(0, 3, 1, 2), 1 + weight.grad)


def test_maxima_and_their_gradients_are_those_of_torch_also_of_equal_outputs():
    # Few different values: most windows hold equal ones, and some maxima are cut off at zero.
    outputs = torch.randint(-2, 3, (3, 4, 50), generator=torch.Generator().manual_seed(0)).float()
    bias = torch.tensor([[0.0], [-1.0], [0.5]])
    windows = outputs.view(3, 2, 2, 50).permute(0, 3, 1, 2).clone().requires_grad_()
    expected = relu(max_pool2d(windows, 2)[..., 0, 0] + bias)
    gradient = matrix(3, 50)
    expected.backward(gradient)
    maxima = WindowMaxima(Arena(torch.empty(10_000)), 3, 50)
    assert torch.equal(maxima.forward(outputs.view(12, 50), bias), expected)
    found = maxima.backward(gradient * (expected > 0)).view(3, 2, 2, 50)
    assert torch.equal(found.permute(0, 3, 1, 2), windows.grad)
