import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None, max_examples=50)
settings.load_profile("suite")


@pytest.fixture
def strict_numpy():
    """Turn silent floating-point trouble into errors."""
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        yield
