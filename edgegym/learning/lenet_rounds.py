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
NUMBERS_A_SAMPLE = 784 + 36 * 196 + 216 * 25 + 2 * 400 + 6 * 196 + 9 * (6 * 196 + 16 * 25)


class LeNetRounds:
    """The rounds of a `LeNet`, whose parameters become views of one vector.

    Examples
    --------
    >>> from edgegym.learning.centralized import sgd_round
    >>> from edgegym.learning.networks import make_network
    >>> pool = Samples(torch.ones(5, 1, 28, 28), torch.tensor([3, 1, 4, 1, 5]))
    >>> by_hand, index = LeNetRounds(make_network("lenet", seed=1)), torch.tensor([0, 2])
    >>> loss = by_hand.sgd_round(pool, index, learning_rate=0.1)
    >>> round(loss, 4) == round(sgd_round(make_network("lenet", seed=1), pool.take(index), 0.1), 4)
    True
    """

    def __init__(self, network: nn.Module) -> None:
        parameters = list(network.parameters())
        self.weights = torch.cat([p.detach().flatten() for p in parameters])
        self.gradient = torch.zeros_like(self.weights)
        sizes = [p.numel() for p in parameters]
        weights, gradients = (
            [part.view_as(p) for part, p in zip(vector.split(sizes), parameters, strict=True)]
            for vector in (self.weights, self.gradient)
        )
        for parameter, view in zip(parameters, weights, strict=True):
            parameter.data = view
        layers = [(*weights[i : i + 2], *gradients[i : i + 2]) for i in range(0, 10, 2)]
        self._kernels = [PatchKernel(*layer) for layer in layers[:2]]
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
            loss = self.minibatch_gradient(pool, index)
            self.weights.add_(self.gradient, alpha=-learning_rate)
            return loss.item()

    def minibatch_gradient(self, pool: Samples, index: Tensor) -> Tensor:
        """Give the loss over a mini-batch, (2), and leave its gradient in `gradient`."""
        images, labels = pool.images.flatten(1), pool.labels.index_select(0, index)[:, None]
        self._begin()
        self.gradient.zero_()
        losses = []
        for places, of_part in zip(index.split(CHUNK), labels.split(CHUNK), strict=True):
            one = self._pass(len(places))
            torch.index_select(images, 0, places, out=one.samples)
            losses.append(one.backward(one.forward(), of_part, len(index)))
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
        self._maxima = [WindowMaxima(arena, 6, 196 * n), WindowMaxima(arena, 16, 25 * n)]
        self._columns = [arena.cut(36, 196 * n), arena.cut(216, 25 * n)]
        # Row and column in the patch, then the window's by parity and half.
        of_images = padded.unfold(0, 6, 2).unfold(1, 6, 2).unflatten(0, (7, 2)).unflatten(2, (7, 2))
        # Channel, half and parity of row and column in the patch, then the window's.
        of_pooled = self._maxima[0].pooled.view(6, 2, 2, 7, 7, n).unfold(3, 5, 1).unfold(4, 5, 1)
        self._patches = [
            of_images.permute(5, 6, 1, 3, 0, 2, 4),
            of_pooled.permute(0, 3, 1, 4, 2, 6, 7, 5),
        ]
        self._copies = [
            columns.view(patches.shape)
            for columns, patches in zip(self._columns, self._patches, strict=True)
        ]
        self._features, self._turned_gradient = arena.cut(n, 400), arena.cut(400, n)
        self._gradient = arena.cut(6, 196 * n)  # of the first convolution's outputs
        of_windows = self._gradient.view(6, 2, 2, 7, 7, n)
        self._gradient_windows = [
            of_windows[:, :, :, i : i + 5, j : j + 5] for i in range(3) for j in range(3)
        ]
        self._minus_one = self.samples.new_full((n, 1), -1.0)

    def forward(self) -> Tensor:
        """Give the logits of `samples`, (B, 10)."""
        self._inside.copy_(self._images)
        for kernel, maxima, columns, copies, patches in zip(
            self._kernels, self._maxima, self._columns, self._copies, self._patches, strict=True
        ):
            copies.copy_(patches)
            pooled = maxima.forward(multiply(kernel.matrix, columns), kernel.bias)
        self._inputs = [self._features.copy_(pooled.view(400, -1).t())]
        for weight, bias, *_ in self._linear[:-1]:
            self._inputs.append(affine(self._inputs[-1], weight, bias).clamp_min_(0))
        weight, bias, *_ = self._linear[-1]
        return affine(self._inputs[-1], weight, bias)

    def backward(self, logits: Tensor, labels: Tensor, n_samples: int) -> Tensor:
        """Add up the gradient of the samples' part of a mini-batch's mean loss, and give it.

        Parameters
        ----------
        logits : what `forward` gave; overwritten
        labels : (B, 1)
        n_samples : of the whole mini-batch
        """
        gradient = torch.log_softmax(logits, 1)
        loss = gradient.gather(1, labels).sum().div_(-n_samples)
        gradient.exp_().scatter_add_(1, labels, self._minus_one).div_(n_samples)
        for layer, inputs in zip(self._linear[::-1], self._inputs[::-1], strict=True):
            weight, _, weight_gradient, bias_gradient = layer
            add_product(weight_gradient, gradient.t(), inputs)
            bias_gradient.add_(gradient.sum(0))
            gradient = multiply(gradient, weight)
            # The inputs are what a ReLU gave.
            pass_positive(gradient, inputs, 0, grad_input=gradient)
        self._turned_gradient.copy_(gradient.t())
        self._convolve_back(self._turned_gradient.view(16, -1))
        return loss

    def _convolve_back(self, gradient: Tensor) -> None:
        """Add up the kernels' gradients; `gradient` is that of the second one's outputs."""
        first, second = self._kernels
        second.bias_gradient.add_(gradient.sum(1))
        of_outputs = self._maxima[1].backward(gradient)
        add_product(second.matrix_gradient, of_outputs, self._columns[1].t())
        of_patches = multiply(second.transposed, of_outputs).view(self._copies[1].shape)
        self._gradient.zero_()
        parts = [part for rows in of_patches.unbind(1) for part in rows.unbind(2)]
        for window, part in zip(self._gradient_windows, parts, strict=True):
            window.add_(part)
        pass_positive(self._gradient, self._maxima[0].pooled, 0, grad_input=self._gradient)
        first.bias_gradient.add_(self._gradient.sum(1))
        of_outputs = self._maxima[0].backward(self._gradient)
        add_product(first.matrix_gradient, of_outputs, self._columns[0].t())
