"""A 5x5 convolution with pooling on patches: the parts of LeNet's passes by hand.

The four outputs that a window of 2x2 pools read one patch of 6x6 between them. So a patch is copied
once for all four, one product of matrices gives them, and pooling is maxima of contiguous rows: the
samples of a mini-batch are the last axis.
"""

import torch
from torch import Tensor

#: The gradient of a ReLU: it keeps a gradient where a second tensor is positive.
pass_positive = torch.ops.aten.threshold_backward.grad_input

#: Multiplications from which a product is oneDNN's. It uses AVX-512 on every processor that has it,
#: MKL does so on Intel's alone; a small product costs less than oneDNN's start.
ONEDNN_FROM = 1_000_000
HAS_ONEDNN = torch.backends.mkldnn.is_available()


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """Multiply two matrices; a large product in float32 is oneDNN's.

    Examples
    --------
    >>> multiply(torch.ones(2, 3), torch.ones(3, 1)).tolist()
    [[3.0], [3.0]]
    """
    if _suits_onednn(first, second):
        return torch.ops.mkldnn._linear_pointwise(first, second.t(), None, "none", [], "")
    return torch.mm(first, second)


def add_product(total: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Add the product of two matrices to a third, in place.

    Examples
    --------
    >>> add_product(torch.ones(1, 1), torch.ones(1, 2), torch.ones(2, 1)).tolist()
    [[3.0]]
    """
    if _suits_onednn(first, second):
        return total.add_(multiply(first, second))
    return total.addmm_(first, second)


def affine(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Give x W' + b, as `torch.nn.functional.linear`.

    Examples
    --------
    >>> affine(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1)).tolist()
    [[3.0]]
    """
    if _suits_onednn(inputs, weight):
        return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return torch.addmm(bias, inputs, weight.t())


def _suits_onednn(first: Tensor, second: Tensor) -> bool:
    n_multiplications = first.shape[0] * second.numel()
    return n_multiplications >= ONEDNN_FROM and HAS_ONEDNN and first.dtype is torch.float32


class Arena:
    """Memory that is allocated once and cut anew by everybody who uses it in turn.

    Freed and allocated again, a large block would come without its pages each time.

    Examples
    --------
    >>> arena = Arena(torch.empty(10))
    >>> arena.cut(2, 3).shape, arena.cut(4).shape
    (torch.Size([2, 3]), torch.Size([4]))
    """

    def __init__(self, memory: Tensor) -> None:
        self.left = memory

    def cut(self, *shape: int) -> Tensor:
        """Cut a tensor off the front."""
        size = torch.Size(shape).numel()
        part, self.left = self.left[:size], self.left[size:]
        return part.view(shape)


class PatchKernel:
    """A kernel of 5x5 at its four places in a patch of 6x6, as a matrix.

    Parameters
    ----------
    kernel, bias : (O, 5, 5, C) and (O,), the parameters
    kernel_gradient, bias_gradient : of the same shapes, to which gradients are added
    matrix_gradient : (4 O, 36 C), which the caller sets to zero before gradients are added up in it

    Examples
    --------
    >>> kernel, bias = torch.ones(1, 5, 5, 1), torch.zeros(1)
    >>> gradients = torch.zeros_like(kernel), torch.zeros_like(bias), torch.zeros(4, 36)
    >>> patches = PatchKernel(kernel, bias, *gradients)
    >>> patches.begin()
    >>> (patches.matrix @ torch.arange(36.0)).tolist()
    [350.0, 375.0, 500.0, 525.0]
    """

    def __init__(
        self,
        kernel: Tensor,
        bias: Tensor,
        kernel_gradient: Tensor,
        bias_gradient: Tensor,
        matrix_gradient: Tensor,
    ) -> None:
        self.bias, self.bias_gradient = bias.view(-1, 1), bias_gradient
        self.matrix_gradient = matrix_gradient
        # A row for each place, what the kernel leaves out of the patch stays zero.
        self.matrix = torch.zeros_like(matrix_gradient)
        self.transposed = self.matrix.t()
        n_out, *_, n_in = kernel.shape
        # A row of the kernel is contiguous in both; a place further down or right is one row on.
        shape = n_out, 2, 2, 5, 5 * n_in
        strides = 4 * 36 * n_in, (2 * 36 + 6) * n_in, (36 + 1) * n_in, 6 * n_in, 1
        self._kernel = kernel.view(n_out, 1, 1, 5, 5 * n_in)
        self._places = self.matrix.as_strided(shape, strides)
        upper, lower = matrix_gradient.as_strided(
            shape, strides, matrix_gradient.storage_offset()
        ).unbind(1)
        self._gradient_places = [*upper.unbind(1), *lower.unbind(1)]
        self._kernel_gradient = kernel_gradient.view(n_out, 5, 5 * n_in)

    def begin(self) -> None:
        """Take over the kernel as it is."""
        self._places.copy_(self._kernel)

    def finish(self) -> None:
        """Add what has been added up to the kernel's gradient."""
        for place in self._gradient_places:
            self._kernel_gradient.add_(place)


class WindowMaxima:
    """relu(max over a window + b) for n windows in each of O channels, and back.

    A bias that comes after the maximum gives the same on a fourth of the numbers. Of equal outputs
    the first gets the gradient, as in `torch.nn.MaxPool2d`.
    """

    def __init__(self, arena: Arena, n_out: int, n: int) -> None:
        self.pooled = arena.cut(n_out, n)
        self._of_rows, self._row_gradients = arena.cut(n_out, 2, n), arena.cut(n_out, 2, n)
        self._rows, self._to_rows = self._of_rows.unbind(1), self._row_gradients.unbind(1)
        self._gradient = arena.cut(4 * n_out, n)
        self._to_outputs = self._gradient.view(n_out, 2, 2, n).unbind(2)

    def forward(self, outputs: Tensor, bias: Tensor) -> Tensor:
        """Give (O, n) of the convolution's outputs, (4 O, n), without its bias, (O, 1)."""
        self._outputs = outputs.view(len(self.pooled), 2, 2, -1).unbind(2)
        torch.maximum(*self._outputs, out=self._of_rows)
        torch.maximum(*self._rows, out=self.pooled)
        return self.pooled.add_(bias).clamp_min_(0)

    def backward(self, gradient: Tensor) -> Tensor:
        """Give the gradient of the outputs, (4 O, n); the ReLU's part is done with already."""
        _to_larger(gradient, self._rows, self._to_rows)
        _to_larger(self._row_gradients, self._outputs, self._to_outputs)
        return self._gradient


def _to_larger(gradient: Tensor, pair: tuple[Tensor, ...], into: tuple[Tensor, ...]) -> None:
    """Send the gradient of a maximum to the larger of a pair, to the first of equal ones."""
    (first, second), (to_first, to_second) = pair, into
    torch.sub(second, first, out=to_first)
    pass_positive(gradient, to_first, 0, grad_input=to_second)
    torch.sub(gradient, to_second, out=to_first)
