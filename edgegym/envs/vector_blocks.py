"""What is drawn for many copies' fine-tuning rounds: a block of rounds at a time."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgegym.physics import Array
from edgegym.systems.two_stage.channel import BLOCK_ROUNDS


class VectorBlocks:
    """The draws of C copies; each keeps the block of rounds that it is in.

    Parameters
    ----------
    draw : gives the (..., `BLOCK_ROUNDS`) draws of a seed and a block
    shape : of what one round draws
    num_envs : C
    per_round : whether rounds differ; if not, all have the first draw of block 0

    Examples
    --------
    >>> blocks = VectorBlocks(lambda seed, block: np.full((3, 64), seed + block), (3,), 2, True)
    >>> blocks.begin([0, 1], seeds=[5, 6])
    >>> blocks.at(np.array([0, 70]))
    array([[5., 7.],
           [5., 7.],
           [5., 7.]])
    """

    def __init__(
        self,
        draw: Callable[[int, int], Array],
        shape: tuple[int, ...],
        num_envs: int,
        per_round: bool,
    ) -> None:
        self._draw, self._per_round = draw, per_round
        self._seeds = [0] * num_envs
        self._block = np.zeros(num_envs, dtype=int)
        self._n_kept = BLOCK_ROUNDS if per_round else 1
        self._first = self._n_kept * np.arange(num_envs)  # a copy's first column in _drawn
        self._drawn = np.empty((*shape, self._n_kept * num_envs))

    def begin(self, copies: Sequence[int], seeds: Sequence[int]) -> None:
        """Open new episodes in some copies."""
        for copy, seed in zip(copies, seeds, strict=True):
            self._seeds[copy] = seed
            self._enter(copy, 0)

    def at(self, n_finetune_rounds: NDArray[np.number]) -> Array:
        """Give the draws of every copy's coming round.

        Parameters
        ----------
        n_finetune_rounds : (C,) fine-tuning rounds done before

        Returns
        -------
        (..., C)
        """
        column = self._first
        if self._per_round:
            block, round_in_block = np.divmod(n_finetune_rounds.astype(int), BLOCK_ROUNDS)
            for copy in np.flatnonzero(block != self._block).tolist():
                self._enter(copy, int(block[copy]))
            column = self._first + round_in_block
        return self._drawn.take(column, axis=-1)

    def _enter(self, copy: int, block: int) -> None:
        columns = slice(self._first[copy], self._first[copy] + self._n_kept)
        self._drawn[..., columns] = self._draw(self._seeds[copy], block)[..., : self._n_kept]
        self._block[copy] = block
