import numpy as np
import pytest

from edgegym.physics.sums import MANY_COPIES, sum_over_devices


@pytest.mark.parametrize("shape", [(3,), (1, 20), (5, 20), (2 * MANY_COPIES, 20), (90, 2, 20)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_copy_is_summed_as_if_it_were_alone_one_device_after_another(shape, order):
    values = np.random.default_rng(0).random(shape).copy(order=order)
    sums = sum_over_devices(values)
    assert sums.shape == shape[:-1]
    for copy in np.ndindex(sums.shape):
        assert sums[copy] == sum(values[copy].tolist())
