"""LeNet's rounds by hand: the steps that autograd makes, in half of its time on a CPU.

All weights are views of one vector and all gradients of another, so that a step is one addition.
Memory is allocated once. In the convolutions the samples are the last axis, in the linear layers
the first one. The first convolution's outputs lie by the parity of their row and their column,
which makes longer contiguous runs of the second one's patches.
"""

import torch
from torch import Tensor, nn

from edgegym.learning.centralized import Samples
from edgegym.learning.patches import (
    Arena,
    PatchKernel,
    WindowMaxima,
    add_product,
    affine,
    multiply,
    pass_positive,
)

#: Samples that pass at once: what they need fits a processor's cache.
CHUNK = 64
#: Numbers that a sample needs on its way, see `_Pass`.
NUMBERS_A_SAMPLE = sum(
    (784, 32 * 56, 36 * 196, 216 * 25, 9 * 6 * 196, 9 * 16 * 25, 6 * 196, 2 * 400)
)


class LeNetRounds:
    """The rounds of a `LeNet`, whose parameters become views of one vector.

    Examples
    --------
    >>> from edgegym.learning.centralized import sgd_round
    >>> from edgegym.learning.making import make_network
    >>> pool = Samples(torch.ones(5, 1, 28, 28), torch.tensor([3, 1, 4, 1, 5]))
    >>> by_hand, index = LeNetRounds(make_network("lenet", seed=1)), torch.tensor([0, 2])
    >>> loss = by_hand.sgd_round(pool, index, learning_rate=0.1)
    >>> round(loss, 4) == round(sgd_round(make_network("lenet", seed=1), pool.take(index), 0.1), 4)
    True
    """

    def __init__(self, network: nn.Module) -> None:
        parameters = list(network.parameters())
        n_weights = sum(p.numel() for p in parameters)
        self.weights = torch.cat([_flat(p.detach()) for p in parameters])
        self._sums = self.weights.new_zeros(n_weights + 24 * 36 + 64 * 216)
        self.gradient, *of_matrices = self._sums.split([n_weights, 24 * 36, 64 * 216])
        weights, gradients = (_cut(vector, parameters) for vector in (self.weights, self.gradient))
        for parameter, part in zip(parameters, weights, strict=True):
            parameter.data = part.permute(0, 3, 1, 2) if part.dim() == 4 else part
        layers = [
            (weights[i], weights[i + 1], gradients[i], gradients[i + 1]) for i in range(0, 10, 2)
        ]
        shapes = (24, 36), (64, 216)
        self._kernels = [
            PatchKernel(*layer, of_matrix.view(shape))
            for layer, of_matrix, shape in zip(layers[:2], of_matrices, shapes, strict=True)
        ]
        self._linear = layers[2:]
        self._memory = self.weights.new_empty(NUMBERS_A_SAMPLE * CHUNK)
        self._passes: dict[int, _Pass] = {}

    def sgd_round(self, pool: Samples, index: Tensor, learning_rate: float) -> float:
        """Run one round, (2) and (3) or (7) to (9), on the samples at some places of a pool.

        Returns
        -------
        The loss over the mini-batch before the step
        """
        with torch.inference_mode():
            loss = self.sum_gradient(pool, index)
            self.weights.add_(self.gradient, alpha=-learning_rate / len(index))
            return loss.item() / len(index)

    def sum_gradient(self, pool: Samples, index: Tensor) -> Tensor:
        """Give a mini-batch's summed loss, and leave its gradient in `gradient`."""
        images, labels = pool.images.flatten(1), pool.labels.index_select(0, index)[:, None]
        self._begin()
        self._sums.zero_()
        losses = []
        for places, of_part in zip(index.split(CHUNK), labels.split(CHUNK), strict=True):
            one = self._pass(len(places))
            torch.index_select(images, 0, places, out=one.samples)
            losses.append(one.backward(one.forward(), of_part))
        for kernel in self._kernels:
            kernel.finish()
        return sum(losses[1:], start=losses[0])

    def expected_loss(self, samples: Samples) -> tuple[float, float]:
        """Measure the loss over a whole data set and the share that is classified right."""
        with torch.inference_mode():
            self._begin()
            totals = torch.zeros(2, dtype=torch.float64)
            for part in samples.split(CHUNK):
                one = self._pass(len(part))
                one.samples.copy_(part.images.flatten(1))
                logits = one.forward()
                totals[0] += nn.functional.cross_entropy(logits, part.labels, reduction="sum")
                totals[1] += (logits.argmax(dim=1) == part.labels).sum()
            loss, right = totals.tolist()
            return loss / len(samples), right / len(samples)

    def _begin(self) -> None:
        for kernel in self._kernels:
            kernel.begin()

    def _pass(self, n: int) -> "_Pass":
        if n not in self._passes:
            self._passes[n] = _Pass(n, self._kernels, self._linear, Arena(self._memory))
        return self._passes[n]


def _flat(parameter: Tensor) -> Tensor:
    """Lay a parameter out, a kernel with its channels last."""
    return (parameter.permute(0, 2, 3, 1) if parameter.dim() == 4 else parameter).flatten()


def _cut(vector: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """See the parameters in a vector as `_flat` lays them out, kernels as (O, 5, 5, C)."""
    parts = zip(vector.split([p.numel() for p in parameters]), parameters, strict=True)
    return [
        part.view(len(p), 5, 5, -1) if p.dim() == 4 else part.view(p.shape) for part, p in parts
    ]


class _Pass:
    """The way of B samples through the network and back, in memory that passes share."""

    def __init__(
        self,
        n: int,
        kernels: list[PatchKernel],
        linear: list[tuple[Tensor, Tensor, Tensor, Tensor]],
        arena: Arena,
    ) -> None:
        self._kernels, self._linear = kernels, linear
        self.samples = arena.cut(n, 28 * 28)
        self._images = self.samples.view(n, 28, 28).permute(1, 2, 0)
        padded = self.samples.new_zeros(32, 32, n)  # whose border stays zero
        self._inside = padded[2:30, 2:30]
        # Of each row eight columns, as windows of even and odd number meet them one after another.
        self._row_parts = padded.unfold(1, 8, 4).permute(0, 3, 1, 2)
        self._row_copies = arena.cut(32, 8, 7, n)
        self._columns = arena.cut(36, 196 * n), arena.cut(216, 25 * n)
        self._turned_columns = [columns.t() for columns in self._columns]
        self._maxima = [WindowMaxima(arena, 6, 196 * n), WindowMaxima(arena, 16, 25 * n)]
        # Row and column in the patch, then the window's by parity and half.
        of_images = self._row_copies.unfold(0, 6, 2).unflatten(0, (7, 2)).unfold(2, 6, 2)
        # Row and column in the patch by half and parity, channel, then the window's row and column.
        of_pooled = self._maxima[0].pooled.view(6, 2, 2, 7, 7, n).unfold(3, 5, 1).unfold(4, 5, 1)
        patches = of_images.permute(5, 6, 1, 2, 0, 3, 4), of_pooled.permute(3, 1, 4, 2, 0, 6, 7, 5)
        self._kernel_inputs = [
            (columns.view(patch.shape), patch, columns)
            for patch, columns in zip(patches, self._columns, strict=True)
        ]
        self._features, self._turned_gradient = arena.cut(n, 400), arena.cut(400, n)
        self._gradient = arena.cut(6, 196 * n)  # of the first convolution's pooled outputs
        of_windows = self._gradient.view(6, 2, 2, 7, 7, n).permute(1, 2, 0, 3, 4, 5)
        self._gradient_windows = [
            of_windows[:, :, :, i : i + 5, j : j + 5] for i in range(3) for j in range(3)
        ]
        self._minus_one = self.samples.new_full((n, 1), -1.0)
        self._ones = [self.samples.new_ones(of_all) for of_all in (196 * n, 25 * n, n)]

    def forward(self) -> Tensor:
        """Give the logits of `samples`, (B, 10)."""
        self._inside.copy_(self._images)
        self._row_copies.copy_(self._row_parts)
        for kernel, maxima, (copies, patches, columns) in zip(
            self._kernels, self._maxima, self._kernel_inputs, strict=True
        ):
            copies.copy_(patches)
            pooled = maxima.forward(multiply(kernel.matrix, columns), kernel.bias)
        self._inputs = [self._features.copy_(pooled.view(400, -1).t())]
        for weight, bias, *_ in self._linear[:-1]:
            self._inputs.append(affine(self._inputs[-1], weight, bias).clamp_min_(0))
        weight, bias, *_ = self._linear[-1]
        return affine(self._inputs[-1], weight, bias)

    def backward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Add up the gradient of the summed loss of what has gone forward, and give that loss.

        Parameters
        ----------
        logits : (B, 10), what `forward` gave
        labels : (B, 1)
        """
        gradient = torch.log_softmax(logits, 1)
        loss = gradient.gather(1, labels).sum().neg_()
        gradient.exp_().scatter_add_(1, labels, self._minus_one)
        for layer, inputs in zip(self._linear[::-1], self._inputs[::-1], strict=True):
            weight, _, weight_gradient, bias_gradient = layer
            turned = gradient.t()
            add_product(weight_gradient, turned, inputs)
            bias_gradient.addmv_(turned, self._ones[-1])
            gradient = multiply(gradient, weight)
            # What a ReLU gave is zero where it stops the gradient.
            pass_positive(gradient, inputs, 0, grad_input=gradient)
        self._turned_gradient.copy_(gradient.t())
        self._convolve_back(1, self._turned_gradient.view(16, -1))
        self._to_patches()
        pass_positive(self._gradient, self._maxima[0].pooled, 0, grad_input=self._gradient)
        self._convolve_back(0, self._gradient)
        return loss

    def _convolve_back(self, i: int, gradient: Tensor) -> None:
        """Add up a kernel's gradients from that of its pooled outputs."""
        kernel = self._kernels[i]
        kernel.bias_gradient.addmv_(gradient, self._ones[i])
        self._of_outputs = self._maxima[i].backward(gradient)
        add_product(kernel.matrix_gradient, self._of_outputs, self._turned_columns[i])

    def _to_patches(self) -> None:
        """Add up the gradient of the first pooled outputs over the patches that they are in."""
        of_patches = multiply(self._kernels[1].transposed, self._of_outputs)
        rows = of_patches.view(3, 2, 3, 2, 6, 5, 5, -1).unbind(0)
        parts = [part for row in rows for part in row.unbind(1)]
        self._gradient.zero_()
        for window, part in zip(self._gradient_windows, parts, strict=True):
            window.add_(part)
