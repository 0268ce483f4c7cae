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
        self._seeds = self._first = self._copies = np.empty(0, dtype=np.int64)
        self._drawn = np.empty(0)  # (C, rounds, ...): what a copy meets in a round lies together

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
            self._copies = np.arange(seeds.size)
        place = (rounds - self._first if self._per_round else 0 * rounds).astype(np.intp)
        # A place before the block is a huge one as well, as a number without a sign.
        stale = (self._seeds != seeds) | (place.view(np.uintp) >= BLOCK_ROUNDS)
        if np.count_nonzero(stale):
            for copy in np.flatnonzero(stale).tolist():
                block = int(rounds[copy]) // BLOCK_ROUNDS if self._per_round else 0
                self._enter(copy, int(seeds[copy]), block)
                place[copy] = rounds[copy] - self._first[copy] if self._per_round else 0
        drawn = self._drawn[self._copies, place]
        return np.ascontiguousarray(drawn.T if drawn.ndim == 2 else np.moveaxis(drawn, 0, -1))

    def _enter(self, copy: int, seed: int, block: int) -> None:
        """Draw a block and remember it."""
        drawn = np.moveaxis(self._draw(seed, block), -1, 0)
        drawn = drawn if self._per_round else drawn[:1]
        if self._drawn.shape != (self._seeds.size, *drawn.shape):
            self._drawn = np.empty((self._seeds.size, *drawn.shape))
        self._drawn[copy] = drawn
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
