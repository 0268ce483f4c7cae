import pytest
import torch
from torchvision.transforms.v2.functional import InterpolationMode
from torchvision.transforms.v2.functional import rotate as torchvision_rotate

from edgegym.learning.rotation import rotate


@pytest.mark.parametrize("degrees", [45.0, 30.0, -17.0, 90.0, 180.0, 360.0, 1e-3])
@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (3, 3, 32, 32), (1, 1, 4, 7)])
def test_it_is_torchvisions(degrees, shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    theirs = torchvision_rotate(images, degrees, interpolation=InterpolationMode.BILINEAR)
    assert rotate(images, degrees) == pytest.approx(theirs, abs=2e-5)


def test_at_45_degrees_every_bit_is():
    images = torch.rand((50, 1, 28, 28), generator=torch.Generator().manual_seed(1))
    theirs = torchvision_rotate(images, 45.0, interpolation=InterpolationMode.BILINEAR)
    assert torch.equal(rotate(images, 45.0), theirs)
