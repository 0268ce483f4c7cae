"""Rotation of images, without what torchvision takes two seconds to import."""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


def rotate(images: Tensor, degrees: float) -> Tensor:
    """Turn images about their centre, counter-clockwise; what comes in from outside is black.

    Between pixels it is bilinear, as torchvision's `rotate` is to the last bit.

    Parameters
    ----------
    images : (B, channels, height, width)
    degrees : of the turn

    Examples
    --------
    A quarter turn takes the upper right corner to the upper left:

    >>> corner = torch.zeros(1, 1, 2, 2)
    >>> corner[0, 0, 0, 1] = 1
    >>> rotate(corner, 90.0)[0, 0].round(decimals=3).abs().tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    height, width = images.shape[-2:]
    angle = math.radians(degrees)
    # Where each pixel comes from: the turn backwards, in coordinates from -1 to 1.
    backwards = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
    )
    pixels = torch.ones(height, width, 3)
    pixels[..., 0] = torch.linspace(0.5 - width / 2, width / 2 - 0.5, width)
    pixels[..., 1] = torch.linspace(0.5 - height / 2, height / 2 - 0.5, height)[:, None]
    scaled = backwards.T / torch.tensor([width / 2, height / 2])
    grid = (pixels.view(1, -1, 3) @ scaled).view(1, height, width, 2)
    return grid_sample(images, grid.expand(len(images), -1, -1, -1), align_corners=False)
