import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegym.lifecycle.draws import BLOCK_ROUNDS, BlockDraws, fading_gains


def block_of(seed, block):
    """A block of 2 by 3 draws a round, no two alike."""
    return np.random.default_rng([seed, block]).random((2, 3, BLOCK_ROUNDS))


ROUNDS = st.integers(0, 4 * BLOCK_ROUNDS)
COPIES = st.lists(st.tuples(st.integers(0, 5), ROUNDS), min_size=1, max_size=4)


@given(st.lists(COPIES, min_size=1, max_size=12))
def test_any_copies_seeds_and_rounds_in_any_order_give_the_draws_of_the_block(asked):
    draws = BlockDraws(block_of, per_round=True)
    for copies in asked:
        seeds, rounds = np.array(copies, dtype=np.int64).T
        got = draws.at(seeds, rounds.astype(float))  # rounds are counted among totals
        assert got.shape == (2, 3, len(copies))
        for copy, (seed, n) in enumerate(copies):
            block, column = divmod(n, BLOCK_ROUNDS)
            assert np.array_equal(got[..., copy], block_of(seed, block)[..., column])


@given(st.lists(COPIES, min_size=1, max_size=12))
def test_where_rounds_do_not_differ_all_have_the_first_draw_of_the_seed(asked):
    draws = BlockDraws(block_of, per_round=False)
    for copies in asked:
        seeds, rounds = np.array(copies, dtype=np.int64).T
        got = draws.at(seeds, rounds.astype(float))
        for copy, seed in enumerate(seeds.tolist()):
            assert np.array_equal(got[..., copy], block_of(seed, 0)[..., 0])


@pytest.mark.parametrize("per_round", [True, False])
def test_what_follows_is_the_same_for_few_copies_and_for_many(per_round):
    def with_double(drawn):
        return np.concatenate([drawn, 2 * drawn])

    n_many = BLOCK_ROUNDS + 10
    rng, seeds, rounds = np.random.default_rng(0), np.arange(n_many), np.zeros(n_many)
    few, many = (BlockDraws(block_of, per_round, with_double) for _ in range(2))
    for moving in (1.0, 0.5, 0.02, 0.0, 0.3):
        rounds = rounds + 40 * (rng.random(n_many) < moving)
        seeds = seeds + n_many * (rng.random(n_many) < moving / 4)
        got = many.at(seeds, rounds)
        for some in (slice(0, 7), slice(n_many - 7, n_many)):
            assert np.array_equal(got[..., some], few.at(seeds[some], rounds[some]))


def test_a_block_is_drawn_once_for_each_copy_that_is_in_it():
    drawn = []

    def draw(seed, block):
        drawn.append((seed, block))
        return block_of(seed, block)

    draws, seeds = BlockDraws(draw, per_round=True), np.array([3, 4])
    for n in range(BLOCK_ROUNDS + 2):
        draws.at(seeds, np.array([n, n // 2]))
    assert drawn == [(3, 0), (4, 0), (3, 1)]


def test_what_was_handed_out_stays_as_it_was():
    draws, seeds = BlockDraws(block_of, per_round=True), np.array([3, 4])
    first = draws.at(seeds, np.array([0, 0]))
    before = first.copy()
    draws.at(seeds, np.array([BLOCK_ROUNDS, 500]))
    assert np.array_equal(first, before)
    first[:] = 0
    assert np.array_equal(draws.at(seeds, np.array([0, 0])), before)


@given(st.integers(0, 2**62), st.integers(0, 30), st.integers(1, 6))
def test_gains_of_a_device_do_not_depend_on_how_many_follow_it(seed, block, n):
    few, many = (fading_gains(seed, block, 1e-5, n_devices) for n_devices in (n, n + 5))
    assert few.shape == (2, n, BLOCK_ROUNDS)
    assert np.array_equal(few, many[:, :n])


def test_gains_are_keyed_by_seed_block_and_direction():
    uplink, downlink = fading_gains(5, 0, 1e-5, 3)
    assert len({gain.tobytes() for gain in (*uplink, *downlink)}) == 6
    for other in (fading_gains(6, 0, 1e-5, 3), fading_gains(5, 1, 1e-5, 3)):
        assert not np.isin(other, [uplink, downlink]).any()
    fading_gains.cache_clear()
    assert np.array_equal(fading_gains(5, 0, 1e-5, 3), [uplink, downlink])
    assert fading_gains(5, 0, 1e-9, 3) == pytest.approx(1e-4 * np.stack([uplink, downlink]))


def test_gains_that_are_remembered_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        fading_gains(5, 0, 1e-5, 3)[:] = 1.0
    gains = np.stack([fading_gains(5, block, 1e-5, 3) for block in range(40)])
    assert gains.mean() == pytest.approx(1e-5, rel=0.03)
