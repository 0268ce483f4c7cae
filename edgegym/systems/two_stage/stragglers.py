"""The stragglers of an episode: whose processor is throttled in which fine-tuning round."""

from functools import lru_cache

import numpy as np

from edgegym.lifecycle.draws import BLOCK_ROUNDS
from edgegym.physics import Array
from edgegym.physics.draws import Stream, keyed_generator
from edgegym.systems.two_stage.scenario import Scenario


def clock_share(scenario: Scenario, seed: int, round_index: int) -> Array:
    """Share of the clock asked for at which each device runs in a fine-tuning round.

    Every device straggles with the scenario's `straggler_probability`, whatever the others and
    other rounds do, and then runs at its `straggler_clock_share`.

    Parameters
    ----------
    scenario : how likely and how slow stragglers are
    seed : the episode's, `env.unwrapped.episode_seed`
    round_index : fine-tuning rounds done before

    Returns
    -------
    (K,) ratios, 1 where a device does not straggle

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> slow = load_scenario("mnist").replace(straggler_probability=0.4, straggler_clock_share=0.2)
    >>> clock_share(slow, 1, round_index=1), clock_share(load_scenario("mnist"), 1, round_index=1)
    (array([1. , 0.2, 1. ]), array([1., 1., 1.]))
    """
    if not scenario.straggler_probability:
        return np.ones(scenario.n_devices)
    block, column = divmod(round_index, BLOCK_ROUNDS)
    return _shares(scenario, _drawn(seed, block, scenario.n_devices)[:, column])


def block_clock_shares(scenario: Scenario, seed: int, block: int) -> Array:
    """Draw the clock shares of `BLOCK_ROUNDS` fine-tuning rounds in a row.

    A device's shares do not depend on how many devices follow it.

    Parameters
    ----------
    scenario : how likely and how slow stragglers are
    seed : the episode's
    block : fine-tuning rounds done before, divided by `BLOCK_ROUNDS`

    Returns
    -------
    (K, BLOCK_ROUNDS) ratios

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> slow = load_scenario("mnist").replace(straggler_probability=0.4, straggler_clock_share=0.2)
    >>> float((block_clock_shares(slow, 1, block=0) < 1).mean().round(2))
    0.45
    """
    return _shares(scenario, _drawn(seed, block, scenario.n_devices))


@lru_cache(maxsize=4)  # an episode stays in its block for 64 rounds
def _drawn(seed: int, block: int, n_devices: int) -> Array:
    drawn = keyed_generator(seed, Stream.STRAGGLER, block).random((n_devices, BLOCK_ROUNDS))
    drawn.setflags(write=False)
    return drawn


def _shares(scenario: Scenario, drawn: Array) -> Array:
    return np.where(drawn < scenario.straggler_probability, scenario.straggler_clock_share, 1.0)
