"""A network of one's own: a small ResNet of torchvision, for images of any size and channels.

In the folder where this file lies, `--import small_resnet` on a command registers it.
"""

from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

import edgegym


def small_resnet(shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Make a ResNet of two blocks, whose first convolution takes small images as they are."""
    network = ResNet(BasicBlock, [1, 1, 1, 1])
    network.conv1 = nn.Conv2d(shape[0], 64, 3, stride=2, padding=1, bias=False)
    network.maxpool = nn.MaxPool2d(2)
    network.layer3 = network.layer4 = nn.Identity()
    network.fc = nn.Linear(128, n_classes)
    return network


edgegym.register_network("small-resnet", small_resnet)

if __name__ == "__main__":
    network = small_resnet((1, 28, 28), 10)
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
