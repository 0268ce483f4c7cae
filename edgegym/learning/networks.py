"""The two networks of Section V: LeNet for MNIST, GoogLeNet for 32x32 images."""

import torch
from torch import nn

Shape = tuple[int, ...]


class LeNet(nn.Sequential):
    """LeNet for 28x28 grey images: 61,706 parameters, 416,520 multiplications an image.

    Examples
    --------
    >>> sum(p.numel() for p in LeNet().parameters())
    61706
    """

    def __init__(self, n_classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, n_classes),
        )


class Inception(nn.Module):
    """Four parallel branches of convolutions, joined along the channels."""

    def __init__(
        self, n_in: int, n1: int, n3_in: int, n3: int, n5_in: int, n5: int, n_pool: int
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                _convolution(n_in, n1, 1),
                nn.Sequential(_convolution(n_in, n3_in, 1), _convolution(n3_in, n3, 3)),
                # Two 3x3 convolutions see what one 5x5 does, with fewer parameters.
                nn.Sequential(
                    _convolution(n_in, n5_in, 1),
                    _convolution(n5_in, n5, 3),
                    _convolution(n5, n5, 3),
                ),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), _convolution(n_in, n_pool, 1)),
            ]
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Run the branches on the same images."""
        return torch.cat([branch(images) for branch in self.branches], dim=1)


#: Channels of GoogLeNet's Inception modules: of the input, then as `Inception` takes them; between
#: the groups the image is halved.
INCEPTIONS = (
    ((192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64)),
    (
        (480, 192, 96, 208, 16, 48, 64),
        (512, 160, 112, 224, 24, 64, 64),
        (512, 128, 128, 256, 24, 64, 64),
        (512, 112, 144, 288, 32, 64, 64),
        (528, 256, 160, 320, 32, 128, 128),
    ),
    ((832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128)),
)


class GoogLeNet(nn.Sequential):
    """GoogLeNet for 32x32 colour images: 6.17 M parameters, 1.52 G multiplications an image.

    The paper's 1.53 G counts two operations for each batch-normalised value as well.

    Parameters
    ----------
    n_classes : of the labels
    narrower : by which all numbers of channels are divided, a divisor of 8
    """

    def __init__(self, n_classes: int = 10, narrower: int = 1) -> None:
        layers: list[nn.Module] = [_convolution(3, 192 // narrower, 3)]
        for group in INCEPTIONS:
            layers += [Inception(*(n // narrower for n in channels)) for channels in group]
            layers.append(nn.MaxPool2d(3, stride=2, padding=1))
        layers[-1:] = [nn.AvgPool2d(8), nn.Flatten(), nn.Linear(1024 // narrower, n_classes)]
        super().__init__(*layers)


def _convolution(n_in: int, n_out: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, padding=size // 2), nn.BatchNorm2d(n_out), nn.ReLU()
    )


def lenet(shape: Shape, n_classes: int) -> nn.Module:
    """Make a LeNet, the factory of its name."""
    return LeNet(n_classes)


def googlenet(shape: Shape, n_classes: int) -> nn.Module:
    """Make a GoogLeNet, the factory of its name."""
    return GoogLeNet(n_classes)


def googlenet_narrow(shape: Shape, n_classes: int) -> nn.Module:
    """Make a GoogLeNet of an eighth of the channels, the factory of its name."""
    return GoogLeNet(n_classes, narrower=8)


#: Networks whose convolutions are wide enough for a GPU's tensor cores, which read channels last.
WIDE = {"googlenet"}


def has_batch_statistics(network: nn.Module) -> bool:
    """Tell whether a sample's gradient depends on the other samples of its batch.

    Examples
    --------
    >>> has_batch_statistics(LeNet()), has_batch_statistics(GoogLeNet())
    (False, True)
    """
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def place_network(network: nn.Module, name: str, device: torch.device) -> nn.Module:
    """Move a network to a device; it lies channels-last on a CPU, and on a GPU if it is wide.

    Its activations then do as well, whatever the layout of the images.
    """
    network = network.to(device)
    if device.type == "cpu" or name in WIDE:
        network = network.to(memory_format=torch.channels_last)
    return network


def compute_in_bfloat16(network: nn.Module, device: torch.device) -> None:
    """Let a network's passes run in bfloat16; weights, logits and gradients stay float32.

    Examples
    --------
    >>> network = LeNet()
    >>> images = torch.rand(2, 1, 28, 28)
    >>> before = network(images)
    >>> compute_in_bfloat16(network, torch.device("cpu"))
    >>> (network(images) - before).abs().max() < 1e-2, network(images).dtype
    (tensor(True), torch.float32)
    """
    forward = torch.autocast(device.type, torch.bfloat16)(network.forward)
    network.forward = lambda images: forward(images).float()
