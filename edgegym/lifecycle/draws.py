"""What is drawn for the rounds of many copies: a block of rounds at a time."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array
from edgegym.physics.channel import rayleigh_gain
from edgegym.physics.draws import Stream, keyed_generator

#: Rounds that are drawn together: a generator costs as much as a thousand draws.
BLOCK_ROUNDS = 64


class BlockDraws:
    """The draws of C copies, remembered for the block of rounds that each is in.

    Parameters
    ----------
    draw : gives the (..., `BLOCK_ROUNDS`) draws of a seed and a block
    per_round : whether rounds differ; if not, all have the first draw of block 0

    Examples
    --------
    >>> draws = BlockDraws(lambda seed, block: np.full((3, 64), seed + block), per_round=True)
    >>> draws.at(np.array([5, 6]), np.array([0, 70]))
    array([[5., 7.],
           [5., 7.],
           [5., 7.]])
    """

    def __init__(self, draw: Callable[[int, int], Array], per_round: bool) -> None:
        self._draw, self._per_round = draw, per_round
        self._n_kept = BLOCK_ROUNDS if per_round else 1
        self._seeds = self._first = self._column = np.empty(0, dtype=np.int64)
        self._drawn = np.empty(0)

    def at(self, seeds: NDArray[np.int64], rounds: NDArray[np.number]) -> Array:
        """Give the draws of every copy's coming round.

        Parameters
        ----------
        seeds : (C,) of the episodes
        rounds : (C,) rounds done before

        Returns
        -------
        (..., C)
        """
        if self._seeds.size != seeds.size:
            self._seeds, self._first = np.full((2, seeds.size), -1)  # of whom, and from which round
            self._column = np.arange(seeds.size) * self._n_kept
        place = rounds - self._first if self._per_round else 0
        stale = (self._seeds != seeds) | (place < 0) | (place >= BLOCK_ROUNDS)
        if stale.any():
            for copy in np.flatnonzero(stale).tolist():
                block = int(rounds[copy]) // BLOCK_ROUNDS if self._per_round else 0
                self._enter(copy, int(seeds[copy]), block)
            place = rounds - self._first if self._per_round else 0
        return self._drawn.take((self._column + place).astype(np.intp), axis=-1)

    def _enter(self, copy: int, seed: int, block: int) -> None:
        """Draw a block and remember it."""
        drawn = self._draw(seed, block)[..., : self._n_kept]
        shape = (*drawn.shape[:-1], self._n_kept * self._seeds.size)
        if self._drawn.shape != shape:
            self._drawn = np.empty(shape)
        self._drawn[..., self._column[copy] : self._column[copy] + self._n_kept] = drawn
        self._seeds[copy], self._first[copy] = seed, block * BLOCK_ROUNDS


@lru_cache(maxsize=4)  # an episode stays in its block for 64 rounds
def fading_gains(seed: int, block: int, mean_path_gain: float, n: int) -> Array:
    """Draw the up- and downlink gains of n devices for `BLOCK_ROUNDS` rounds in a row.

    A device's gains do not depend on how many devices follow it.

    Parameters
    ----------
    seed : of the episode
    block : rounds done before, divided by `BLOCK_ROUNDS`
    mean_path_gain : power ratio
    n : devices

    Returns
    -------
    (2, n, BLOCK_ROUNDS) power ratios, read-only

    Examples
    --------
    >>> fading_gains(1, 0, 1e-5, 3).shape
    (2, 3, 64)
    """
    gains = np.stack(
        [
            rayleigh_gain(keyed_generator(seed, stream, block), mean_path_gain, (n, BLOCK_ROUNDS))
            for stream in (Stream.UPLINK, Stream.DOWNLINK)
        ]
    )
    gains.setflags(write=False)
    return gains
