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
END = np.array(BLOCK_ROUNDS, dtype=np.uintp)


class BlockDraws:
    """The draws of C copies, remembered for the block of rounds that each is in.

    What follows from a draw is worked out once for all rounds of a block where copies are few, and
    where they are more than its rounds once for all copies: the same numbers either way.

    Parameters
    ----------
    draw : gives the (..., `BLOCK_ROUNDS`) draws of a seed and a block
    per_round : whether rounds differ; if not, all have the first draw of block 0
    derive : adds what follows from draws (..., n), from each for itself

    Examples
    --------
    >>> draws = BlockDraws(lambda seed, block: np.full((3, 64), seed + block), per_round=True)
    >>> draws.at(np.array([5, 6]), np.array([0, 70]))
    array([[5., 7.],
           [5., 7.],
           [5., 7.]])
    """

    def __init__(
        self,
        draw: Callable[[int, int], Array],
        per_round: bool,
        derive: Callable[[Array], Array] = np.asarray,
    ) -> None:
        self._draw, self._per_round, self._derive = draw, per_round, derive
        self._n_kept = BLOCK_ROUNDS if per_round else 1
        self._place: NDArray[np.intp]
        self._forget(0)

    def at(self, seeds: NDArray[np.int64], rounds: NDArray[np.number]) -> Array:
        """Give the draws of every copy's coming round, and what follows from them.

        Parameters
        ----------
        seeds : (C,) of the episodes
        rounds : (C,) rounds done before

        Returns
        -------
        (..., C), which nobody may change where copies are many
        """
        if self._seeds.size != seeds.size:
            self._forget(seeds.size)
        stale, place = self._seeds != seeds, self._place_of(rounds)
        if self._per_round:
            # A place before the block is a huge one as well, as a number without a sign.
            stale = stale | (place.view(np.uintp) >= END)
        if np.count_nonzero(stale):
            for copy in np.flatnonzero(stale).tolist():
                self._enter(copy, int(seeds[copy]), int(rounds[copy]) // BLOCK_ROUNDS)
            place = self._place_of(rounds)
        if self._is_few:
            return self._kept_at(self._begin + place)
        changed, self._place = stale | (place != self._place), place
        return self._refreshed(changed)

    def _forget(self, n_copies: int) -> None:
        """Begin anew with so many copies."""
        self._is_few = n_copies <= BLOCK_ROUNDS
        self._kept = np.empty(0)  # (C · rounds, ...): what a copy meets in a round lies together
        self._begin = self._n_kept * np.arange(n_copies)  # where that of a copy begins
        self._seeds = np.full(n_copies, -1)
        self._first = np.full(n_copies, -1.0)  # round of its block
        self._shown = np.empty(0)  # what was given last, (..., C), and where it was kept
        self._place = np.zeros(n_copies, dtype=np.intp)

    def _place_of(self, rounds: NDArray[np.number]) -> NDArray[np.intp]:
        """Say how far into its block every copy is."""
        return (rounds - self._first).astype(np.intp) if self._per_round else self._place

    def _enter(self, copy: int, seed: int, block: int) -> None:
        """Draw a block and remember it."""
        drawn = self._draw(seed, block if self._per_round else 0)[..., : self._n_kept]
        if self._is_few:
            drawn = self._derive(drawn)
        if not self._kept.size:
            self._kept = np.empty((self._n_kept * self._seeds.size, *drawn.T.shape[1:]))
        first = self._begin[copy]
        self._kept[first : first + self._n_kept] = drawn.T
        self._seeds[copy], self._first[copy] = seed, block * BLOCK_ROUNDS

    def _kept_at(self, where: NDArray[np.intp]) -> Array:
        return np.ascontiguousarray(self._kept.take(where, axis=0).T)

    def _refreshed(self, changed: NDArray[np.bool_]) -> Array:
        """Give what was given last, with other draws for the copies that moved on."""
        n_changed, where = np.count_nonzero(changed), self._begin + self._place
        if n_changed > changed.size // 4:
            self._shown = self._derive(self._kept_at(where))
        elif n_changed:
            self._shown = self._shown.copy()
            self._shown[..., changed] = self._derive(self._kept_at(where[changed]))
        self._shown.setflags(write=False)
        return self._shown


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
    gains = np.empty((2, n, BLOCK_ROUNDS))
    for way, stream in enumerate((Stream.UPLINK, Stream.DOWNLINK)):
        generator = keyed_generator(seed, stream, block)
        gains[way] = rayleigh_gain(generator, mean_path_gain, (n, BLOCK_ROUNDS))
    gains.setflags(write=False)
    return gains
