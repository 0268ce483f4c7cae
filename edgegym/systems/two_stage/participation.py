"""Who takes part in which fine-tuning round, and whose updates are lost on their way."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgegym.lifecycle.draws import BLOCK_ROUNDS
from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.systems.two_stage.scenario import Scenario

Mask = NDArray[np.bool_]


def participants(scenario: Scenario, seed: int, round_index: int) -> Mask:
    """Tell who takes part in a fine-tuning round: K' of K by chance, or each in turn.

    Parameters
    ----------
    scenario : its federation says how many, and how they are chosen
    seed : the episode's, `env.unwrapped.episode_seed`
    round_index : fine-tuning rounds done before

    Returns
    -------
    (K,)

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> some = load_scenario("mnist").replace(
    ...     **{"federation.n_participants": 2, "federation.participation": "round-robin"}
    ... )
    >>> [participants(some, seed=1, round_index=n).tolist() for n in (0, 1)]
    [[True, True, False], [True, False, True]]
    """
    block, column = divmod(round_index, BLOCK_ROUNDS)
    return block_participants(scenario, seed, block)[:, column]


@lru_cache(maxsize=4)  # an episode stays in its block for 64 rounds
def _ranks(seed: int, block: int, n_devices: int) -> NDArray[np.intp]:
    drawn = keyed_generator(seed, Stream.PARTICIPATION, block).random((n_devices, BLOCK_ROUNDS))
    return np.argsort(np.argsort(drawn, axis=0), axis=0)


def block_participants(scenario: Scenario, seed: int, block: int) -> Mask:
    """Tell who takes part in `BLOCK_ROUNDS` fine-tuning rounds in a row.

    Of more participants the fewer are a part, chosen by chance.

    Parameters
    ----------
    scenario : its federation
    seed : the episode's
    block : fine-tuning rounds done before, divided by `BLOCK_ROUNDS`

    Returns
    -------
    (K, BLOCK_ROUNDS)

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> some = load_scenario("mnist").replace(**{"federation.n_participants": 2})
    >>> set(block_participants(some, seed=1, block=0).sum(axis=0).tolist())
    {2}
    """
    k, federation = scenario.n_devices, scenario.federation
    n_participants = federation.n_participants or k
    if federation.participation == "random":
        return np.asarray(_ranks(seed, block, k) < n_participants)
    rounds = block * BLOCK_ROUNDS + np.arange(BLOCK_ROUNDS)
    turn = np.arange(k)[:, np.newaxis] - rounds * n_participants
    return np.asarray(turn % k < n_participants)


def arrivals(scenario: Scenario, seed: int, round_index: int) -> Mask:
    """Tell whose updates arrive in a fine-tuning round, if they take part.

    What is lost has cost its device what every update costs, and the server waits for it as long.

    Parameters
    ----------
    scenario : its federation says how likely an update is lost
    seed : the episode's
    round_index : fine-tuning rounds done before

    Returns
    -------
    (K,)

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> lossy = load_scenario("mnist").replace(**{"federation.dropout_probability": 0.4})
    >>> float(np.mean([arrivals(lossy, 1, n) for n in range(200)]).round(2))
    0.58
    """
    block, column = divmod(round_index, BLOCK_ROUNDS)
    drawn = _lost_below(seed, block, scenario.n_devices)[:, column]
    return np.asarray(drawn >= scenario.federation.dropout_probability)


@lru_cache(maxsize=4)
def _lost_below(seed: int, block: int, n_devices: int) -> Array:
    return keyed_generator(seed, Stream.DROPOUT, block).random((n_devices, BLOCK_ROUNDS))
