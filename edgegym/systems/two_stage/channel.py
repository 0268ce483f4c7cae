"""The channel of an episode: which gains each fine-tuning round meets."""

from edgegym.lifecycle.draws import BLOCK_ROUNDS, fading_gains
from edgegym.physics import Array
from edgegym.systems.two_stage.scenario import Scenario


def round_gains(scenario: Scenario, seed: int, round_index: int) -> tuple[Array, Array]:
    """Up- and downlink gains of a fine-tuning round, as the scenario's channel mode says.

    Parameters
    ----------
    scenario : its mode, its fixed gains, its mean path gain
    seed : the episode's, `env.unwrapped.episode_seed`
    round_index : fine-tuning rounds done before

    Returns
    -------
    Two (K,) power ratios

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> first, second = (round_gains(fading, 1, n)[0] for n in (0, 1))
    >>> bool((first != second).all())
    True
    """
    if scenario.channel_mode == "fixed":
        return scenario.uplink_gain, scenario.downlink_gain
    fades = scenario.channel_mode == "per-round"
    block, column = divmod(round_index, BLOCK_ROUNDS) if fades else (0, 0)
    uplink, downlink = block_gains(scenario, seed, block)
    return uplink[:, column].copy(), downlink[:, column].copy()


def block_gains(scenario: Scenario, seed: int, block: int) -> tuple[Array, Array]:
    """Draw the up- and downlink gains of `BLOCK_ROUNDS` fading rounds in a row.

    A device's gains do not depend on how many devices follow it. A channel that is drawn once
    per episode stays at the first column of block 0.

    Parameters
    ----------
    scenario : its mean path gain
    seed : the episode's
    block : fine-tuning rounds done before, divided by `BLOCK_ROUNDS`

    Returns
    -------
    Two (K, BLOCK_ROUNDS) power ratios, read-only

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> uplink, _ = block_gains(fading, 1, block=2)
    >>> bool((uplink[:, 5] == round_gains(fading, 1, 2 * BLOCK_ROUNDS + 5)[0]).all())
    True
    """
    uplink, downlink = fading_gains(seed, block, scenario.mean_path_gain, scenario.n_devices)
    return uplink, downlink
