"""Fidelity `train` of `edgegym bench vector`: networks trained at once and one after another."""

from collections.abc import Callable
from itertools import cycle

import numpy as np

#: Sets of rounds that the runs take in turn.
N_SETS = 4


def training_steps(
    n_copies: int, seed: int, device: str = "auto"
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Make two functions that run a round of every copy: stacked, and with a learner for each.

    Both train scenario `digits`, which needs no download, on one thread. Every second copy
    fine-tunes; batches are spread by logarithm up to their limit, as random actions spread them.
    Both have run every set once: what a GPU records for a size of batch is recorded then.
    """
    import torch

    from edgegym.learning.learner import Learner
    from edgegym.learning.stacked import StackedLearner, StackedRound
    from edgegym.systems.load import load_scenario

    torch.set_num_threads(1)
    scenario = load_scenario("digits")
    stacked = StackedLearner(scenario, n_copies, device)
    stacked.begin(range(n_copies), seeds=range(seed, seed + n_copies))
    learners = [Learner(scenario, seed + copy, device) for copy in range(n_copies)]
    shares = np.random.default_rng(seed).random((N_SETS, n_copies, scenario.n_devices))
    sizes = np.rint(scenario.finetune_batch_size_limit**shares).astype(int)
    sets = [
        [StackedRound(i, i % 2 == 1, 0, row if i % 2 else row[:1]) for i, row in enumerate(rows)]
        for rows in sizes
    ]
    at_once, one_by_one = cycle(sets), cycle(sets)

    def train_all() -> None:
        for learner, (_, finetuning, index, batch) in zip(learners, next(one_by_one), strict=True):
            if finetuning:
                learner.finetune(index, np.asarray(batch))
            else:
                learner.pretrain(index, batch[0])

    def train_at_once() -> None:
        stacked.train(next(at_once))

    for _ in range(N_SETS):
        train_at_once()
        train_all()
    return train_at_once, train_all
