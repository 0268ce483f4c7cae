import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgegym.physics.draws import Stream, keyed_generator

SMALL = st.integers(0, 2**32 - 1)


@given(st.integers(0, 2**200), st.sampled_from(Stream), SMALL, SMALL)
def test_a_generator_is_that_of_the_seed_and_its_spawn_key(seed, stream, round_index, device):
    child = np.random.SeedSequence(seed, spawn_key=(stream, round_index, device))
    drawn = keyed_generator(seed, stream, round_index, device).random(3)
    assert np.array_equal(drawn, np.random.default_rng(child).random(3))
